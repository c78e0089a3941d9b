import { spawn } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BIN, type Site } from './cli.ts';
import { until } from './until.ts';

export type ShellName = 'bash' | 'zsh' | 'fish';

/** A shell on a terminal of its own, with meowctl's completion loaded. */
export interface Shell {
  /** Types, Tab and Enter included. */
  type(text: string): void;
  /** Waits until the screen has shown that since the last wait, however it was laid out. */
  shows(...texts: string[]): Promise<void>;
  /** Ends it. */
  close(): Promise<void>;
}

const TAB_LOADS: Readonly<Record<ShellName, string>> = {
  bash: `bind 'set enable-bracketed-paste off'; source <(command meowctl completion bash)`,
  zsh: `autoload -Uz compinit; compinit -u -D; unsetopt zle_bracketed_paste 2>/dev/null; LISTMAX=1000; source <(command meowctl completion zsh)`,
  fish: 'command meowctl completion fish | source',
};
/** What was completed is told, not run: completion asks the program, not this function. */
const TELLS: Readonly<Record<ShellName, string>> = {
  bash: `meowctl() { printf 'RAN[%s]' "$@"; echo; }`,
  zsh: `meowctl() { printf 'RAN[%s]' "$@"; echo }`,
  fish: `function meowctl; printf 'RAN[%s]' $argv; echo; end`,
};
const BARE: Readonly<Record<ShellName, readonly string[]>> = {
  bash: ['--noprofile', '--norc'],
  zsh: ['-f'],
  fish: ['--no-config'],
};

/** Where a shell finds meowctl, and a home of its own. */
export function shellEnv(site: Site): Record<string, string> {
  const folder = join(site.home, 'shell-bin');
  mkdirSync(folder, { recursive: true });
  const own = join(folder, 'meowctl');
  try {
    symlinkSync(BIN, own);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return { ...site.env, PATH: `${folder}:${site.env.PATH}`, TERM: 'xterm', LC_ALL: 'C.UTF-8' };
}

export async function openShell(
  name: ShellName,
  env: Readonly<Record<string, string>>,
  cwd: string,
): Promise<Shell> {
  const setUp = join(cwd, `set-up.${name}`);
  writeFileSync(setUp, `${TAB_LOADS[name]}\n${TELLS[name]}\n`);
  const command = `${name} ${BARE[name].join(' ')} -i`;
  // util-linux: a terminal for whoever has none.
  const own = { ...env, TMPDIR: cwd, XDG_RUNTIME_DIR: cwd };
  const child = spawn('script', ['-qfec', command, '/dev/null'], { env: own, cwd });
  let screen = '';
  let seen = 0;
  child.stdout.on('data', (bytes: Buffer) => {
    screen += bytes;
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const shell: Shell = {
    type: (text) => child.stdin.write(text),
    async shows(...texts) {
      const found = () => texts.every((text) => clean(screen.slice(seen)).includes(text));
      await until(`${name} shows ${texts.join(', ')}`, found).catch((error: Error) => {
        throw new Error(`${error.message}: ${JSON.stringify(clean(screen.slice(seen)))}`);
      });
      seen = screen.length;
    },
    async close() {
      child.kill('SIGKILL');
      child.stdin.destroy();
      await ended;
    },
  };
  shell.type(`source ./set-up.${name}; echo set''-up-done\r`);
  await shell.shows('set-up-done');
  return shell;
}

/** Without what moves the cursor, colours, and sets the title. */
function clean(text: string): string {
  return text
    .replace(/\u001b\][^\u0007]*\u0007/g, '')
    .replace(/\u001b\[[0-9;?>=]*[A-Za-z]/g, '')
    .replace(/\u001b[()][A-Z0-9]|\u001b[=>78]/g, '');
}
