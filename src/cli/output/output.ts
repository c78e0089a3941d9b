import { FailedError } from '../../errors.ts';
import type { Settings } from '../../settings.ts';
import { plain, reason, systemReason } from '../../text.ts';
import { tableText } from './table.ts';

/** A column of a table: its head, and what stands in it. */
export type Cell = { readonly text: string; readonly tone?: Tone };
export type Tone = 'good' | 'warn' | 'bad' | 'dim' | 'head' | 'picked';

export type Paint = (text: string, tone: Tone | undefined) => string;

/** Colours, loaded where they are used. */
export interface Paints {
  tones(): Promise<Paint>;
  /** One colour for each label, always the same. */
  labels(): Promise<(label: string) => string>;
}

/** What stands at the end of a terminal, and moves for each line that is written there. */
export interface Below {
  around(write: () => void): void;
}

/** stdout is data, stderr is talk. */
export interface Output {
  /** Whether a person reads stdout, or stderr. */
  readonly outIsTerminal: boolean;
  readonly errIsTerminal: boolean;
  /** One line of data. Control characters are escaped on a terminal. */
  line(text: string): void;
  /** One JSON value. */
  json(value: unknown): void;
  /** Bytes, as they are; resolves when they have left. Rejects when nobody reads them. */
  bytes(data: Buffer): Promise<void>;
  /** Heads and rows in columns. */
  table(heads: readonly string[], rows: readonly (readonly Cell[])[]): Promise<void>;
  /** A writer of lines of data with a name in front; on a terminal one colour per name, always the same. */
  labelled(): Promise<(label: string, text: string) => void>;
  /** Whether whoever read stdout has gone. */
  isUnread(): boolean;
  /** One line to a person, on stderr. */
  talk(text: string): void;
  /** From now on whoever says something says it there; null: on stderr again. */
  divert(to: ((text: string) => void) | null): void;
  /** From now on this stands below all lines of the terminal that stderr is; null: nothing does. */
  setBelow(below: Below | null): void;
  /** Resolves when all of stdout has been taken. Rejects with FailedError where it could not be. */
  flush(): Promise<void>;
}

/** @param paints null for one that never prints in colour */
export function createOutput(
  stdout: NodeJS.WriteStream,
  stderr: NodeJS.WriteStream,
  color: Settings['color'],
  paints: Paints | null,
): Output {
  let closed = false;
  let failure: Error | null = null;
  // `meowctl ls | head -1`: a reader that has seen enough is no failure.
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    closed = true;
    if (error.code !== 'EPIPE') failure = error;
  });
  stderr.on('error', () => {}); // a full disk behind a log must not end a server
  const outIsTerminal = stdout.isTTY === true;
  const isColored = color === 'always' || (color === 'auto' && outIsTerminal);
  const used = isColored ? paints : null;
  const { write, ...speaking } = createSpeaking(stderr);
  const line = (text: string) => {
    if (!closed) write(stdout, `${outIsTerminal ? plain(text) : text}\n`);
  };

  return {
    ...speaking,
    outIsTerminal,
    errIsTerminal: stderr.isTTY === true,
    line,
    json: (value) => line(JSON.stringify(value)),
    async bytes(data) {
      await written(stdout, data).catch((error: Error) => {
        throw cannotPrint(error);
      });
    },
    async table(heads, rows) {
      const text = await tableText(heads, rows, used ? await used.tones() : unpainted);
      if (!closed) write(stdout, text);
    },
    async labelled() {
      const paint = used ? await used.labels() : (label: string) => label;
      return (label, text) => {
        const shown = outIsTerminal ? plain(text.replaceAll('\t', '    ')) : text;
        if (!closed) write(stdout, `${paint(plain(label))} ${shown}\n`);
      };
    },
    isUnread: () => closed,
    async flush() {
      if (!closed) await written(stdout, Buffer.alloc(0)).catch(reason);
      if (failure) throw cannotPrint(failure);
    },
  };
}

type Speaking = Pick<Output, 'talk' | 'divert' | 'setBelow'>;

/** What is said, and what makes room for it on a terminal. */
function createSpeaking(stderr: NodeJS.WriteStream) {
  let below: Below | null = null;
  let diverted: ((text: string) => void) | null = null;
  const write = (stream: NodeJS.WriteStream, text: string) => {
    if (below && stream.isTTY) below.around(() => stream.write(text));
    else stream.write(text);
  };
  const speaking: Speaking = {
    talk(text) {
      if (diverted) diverted(text);
      else write(stderr, `${text}\n`);
    },
    divert(to) {
      diverted = to;
    },
    setBelow(next) {
      below = next;
    },
  };
  return { ...speaking, write };
}

function written(stream: NodeJS.WriteStream, data: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(data, (error) => (error ? reject(error) : resolve()));
  });
}

function cannotPrint(cause: Error): FailedError {
  const gone = (cause as NodeJS.ErrnoException).code === 'EPIPE';
  const why = gone ? 'its reader has gone' : systemReason(cause);
  const message = `cannot write to stdout: ${why}`;
  return new FailedError('stdout', message, 'Make room, or send the output elsewhere', { cause });
}

const unpainted: Paint = (text) => text;
