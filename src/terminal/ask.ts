import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import { withoutSystem } from '../expected-errors.ts';
import { beforeEnd } from '../process/last-act.ts';
import { sendSignal } from '../process/terminate.ts';
import { isComplete, QUESTIONS } from './capabilities.ts';

const CTRL_C = 0x03;
const CTRL_Z = 0x1a;
/** Longer than any answer is: the rest is not for us. */
const MOST_BYTES = 4_096;

export interface AskOptions {
  readonly process: NodeJS.Process;
  /** How long it may think before it counts as one that says nothing. */
  readonly answerMs: number;
  /** From the question until what is late is waited for no longer, where there was no answer. */
  readonly lateMs: number;
  write(text: string): Promise<void>;
  /** Ctrl-C, which is a key like another meanwhile. */
  onInterrupt(): void;
}

export interface TerminalAnswers {
  readonly answers: string;
  /** Gives the terminal back. Answers that are late are waited for: the shell would take them for keys. */
  close(): Promise<void>;
}

/**
 * Asks the terminal that we run in. What is typed in these milliseconds is lost: it stands between the
 * answers, and no system call gives it back.
 * @returns null where none can be asked
 */
export async function askTerminal(options: AskOptions): Promise<TerminalAnswers | null> {
  const job = jobInForeground(options.process.pid);
  const keyboard = job === null ? null : openKeyboard();
  if (job === null || !keyboard) return null;
  const asking = new Asking(keyboard, job, options);
  await options.write(QUESTIONS).catch((error) => {
    asking.end();
    throw error;
  });
  await asking.answered(options.answerMs);
  const { answers } = asking;
  if (isComplete(answers)) asking.end();
  return { answers, close: () => asking.endWithLate(options.lateMs) };
}

/** A reader of the terminal itself, so that stdin stays as it is, whatever it is. */
function openKeyboard(): ReadStream | null {
  const { O_RDONLY, O_NOCTTY } = constants;
  let file = -1;
  try {
    file = openSync('/dev/tty', O_RDONLY | O_NOCTTY);
    return new ReadStream(file);
  } catch (error) {
    if (file !== -1) closeSync(file);
    return withoutSystem(null)(error);
  }
}

/**
 * The process group that we are in, which stops as a whole at Ctrl-Z; null in the background, where
 * asking would stop us. proc(5): state, parent, group, session, terminal, its group.
 */
function jobInForeground(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [, , group, , , terminalGroup] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return group === terminalGroup ? Number(group) : null;
  } catch (error) {
    return withoutSystem(pid)(error); // a system without /proc does not say
  }
}

class Asking {
  answers = '';
  readonly #keyboard: ReadStream;
  readonly #job: number;
  readonly #options: AskOptions;
  readonly #askedMs = performance.now();
  #isOver = false;
  #told = () => {};
  readonly #unheard: () => void;

  constructor(keyboard: ReadStream, job: number, options: AskOptions) {
    this.#keyboard = keyboard;
    this.#job = job;
    this.#options = options;
    keyboard.on('error', () => this.end()); // the terminal is gone
    keyboard.on('data', (bytes: Buffer) => this.#hear(bytes));
    keyboard.setRawMode(true);
    options.process.once('SIGTSTP', this.#stop);
    this.#unheard = beforeEnd(options.process, () => this.end());
  }

  /** Resolves when all is answered, or this time is over. */
  answered(ms: number): Promise<void> {
    if (this.#isOver || isComplete(this.answers)) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#told = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#options.process.removeListener('SIGTSTP', this.#stop);
    this.#unheard();
    if (!this.#keyboard.destroyed) this.#keyboard.setRawMode(false);
    this.#keyboard.destroy();
    this.#hearTheRest();
    this.#told();
  }

  async endWithLate(lateMs: number): Promise<void> {
    await this.answered(Math.max(0, lateMs - (performance.now() - this.#askedMs)));
    this.end();
  }

  // A Ctrl-C that came before the terminal was itself again is a byte that waits, and no signal any more.
  #hearTheRest(): void {
    const { O_RDONLY, O_NOCTTY, O_NONBLOCK } = constants;
    const bytes = Buffer.alloc(MOST_BYTES);
    try {
      const file = openSync('/dev/tty', O_RDONLY | O_NOCTTY | O_NONBLOCK);
      try {
        const length = readSync(file, bytes);
        if (length > 0) this.#hear(bytes.subarray(0, length));
      } finally {
        closeSync(file);
      }
    } catch (error) {
      withoutSystem(null)(error); // nothing waits, or the terminal is gone
    }
  }

  #hear(bytes: Buffer): void {
    if (bytes.includes(CTRL_C)) this.#options.onInterrupt();
    if (bytes.includes(CTRL_Z)) return this.#stop();
    if (this.answers.length < MOST_BYTES) this.answers += bytes.toString('latin1');
    if (isComplete(this.answers)) this.#told();
  }

  // The shell gets the terminal as it was; one that comes back later has no answers to wait for.
  readonly #stop = () => {
    this.end();
    sendSignal(this.#job, 'SIGTSTP');
  };
}
