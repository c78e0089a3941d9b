import { type ChildProcess, spawn } from 'node:child_process';
import { BIN } from './cli.ts';

/** A terminal that is not there: what is written to it, and what it answers. */
export interface PseudoTerminal {
  readonly child: ChildProcess;
  /** All that was written to it so far. */
  written(): string;
  type(keys: string): void;
  readonly ended: Promise<Ended>;
}

interface Ended {
  readonly code: number;
  /** What was written while the verb ran, and the word about its end. */
  readonly shown: string;
  /** Whether the terminal is as it was before. */
  readonly isRestored: boolean;
  /** What the shell would read as keys. */
  readonly leaked: string;
}

export interface Kind {
  readonly env: Readonly<Record<string, string>>;
  readonly columns?: number;
  readonly rows?: number;
  /** What it answers to what was written to it since the last time; '' for nothing. */
  answer?(asked: string): string;
  /** Around the command line. */
  shell?(command: string): string;
}

const BEGIN = '<begin>';
const END = /<end (\d+) (same|other) ([^>]*)>/;

/**
 * Runs meowctl in a pseudo terminal of util-linux' `script`. Behind it a shell tells how it ended, and
 * what it left to be read.
 */
export function inTerminal(args: readonly string[], kind: Kind): PseudoTerminal {
  const child = spawn('script', ['-qefc', told(args, kind), '/dev/null'], {
    env: { TERM: 'xterm-256color', SHELL: '/bin/sh', ...kind.env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let written = '';
  let answered = 0;
  child.stdin.on('error', () => {}); // it has ended
  child.stdout.on('data', (chunk: Buffer) => {
    written += chunk.toString('latin1');
    const reply = kind.answer?.(written.slice(answered)) ?? '';
    if (reply === '') return;
    answered = written.length;
    child.stdin.write(reply, 'latin1');
  });
  const text = () => Buffer.from(written, 'latin1').toString();
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => resolve(endOf(text())));
  });
  return { child, written: text, type: (keys) => void child.stdin.write(keys), ended };
}

function told(args: readonly string[], { columns = 80, rows = 24, shell = (line) => line }: Kind) {
  const words = [process.execPath, BIN, ...args].map((word) => `'${word}'`).join(' ');
  return [
    // It has to outlive Ctrl-C, which is for the verb.
    `trap : INT; stty cols ${columns} rows ${rows}; before=$(stty -g)`,
    `printf '${BEGIN}'`,
    `${shell(words)}; code=$?`,
    '[ "$before" = "$(stty -g)" ] && as=same || as=other',
    'stty -icanon -echo min 0 time 3',
    'left=$(dd bs=4096 count=1 2>/dev/null | od -An -c | tr -d " \\n")',
    'printf "<end %s %s %s>" "$code" "$as" "$left"',
  ].join('; ');
}

function endOf(text: string): Ended {
  const [, code, as, leaked = ''] = END.exec(text) ?? [];
  const shown = text.slice(text.indexOf(BEGIN) + BEGIN.length).replace(END, '');
  return { code: Number(code), shown, isRestored: as === 'same', leaked };
}

const ESC = '\u001b';
const CELL = `${ESC}[6;20;10t`;

/** As terminals do: the last question is answered last. */
const answering = (...said: readonly string[]) => {
  const all = said.join('');
  return (asked: string) => (asked.includes(`${ESC}[c`) ? all : '');
};

export const answers = {
  kitty: answering(
    `${ESC}_Gi=31;OK${ESC}\\`,
    `${ESC}P>|kitty(0.39.1)${ESC}\\`,
    CELL,
    `${ESC}[?62;c`,
  ),
  iterm: answering(`${ESC}P>|iTerm2 3.5.10${ESC}\\`, CELL, `${ESC}[?64;1;2;4;6;17;18;21;22c`),
  sixel: answering(`${ESC}P>|foot(1.16.2)${ESC}\\`, `${ESC}[?1;0;256S`, CELL, `${ESC}[?62;4;22c`),
  /** A VT340, with its 16 colours. */
  vt340: answering(`${ESC}[?1;0;16S`, `${ESC}[4;480;800t`, `${ESC}[?63;1;2;3;4;6;8;9;15c`),
  /** xterm without pictures. */
  plain: answering(`${ESC}P>|XTerm(390)${ESC}\\`, `${ESC}[?64;1;2;6;9;15c`),
} as const;
