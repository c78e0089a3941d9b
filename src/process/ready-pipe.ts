import type { EventEmitter } from 'node:events';
import { closeSync, writeSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { type ExitCode, exitCodes, MeowError } from '../errors.ts';
import { errorInWords, plain, systemRemedy } from '../text.ts';
import { afterAwake } from '../time/awake-timer.ts';

const MAX_LINE_BYTES = 64 * 1_024;
/** The child's last word may still be in the pipe when its exit is heard of. */
const AFTER_EXIT_MS = 250;

/** How the wait for a child's word ended. `silent`: it ended, or said nothing that makes sense. */
export type Outcome =
  | { readonly kind: 'ready'; readonly value: unknown }
  | { readonly kind: 'reported'; readonly error: MeowError }
  | { readonly kind: 'not-started'; readonly cause: Error }
  | { readonly kind: 'silent' | 'late' | 'interrupted' };

export interface Patience {
  readonly readyTimeoutMs: number;
  readonly reasonMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Reads the one line `{"ready":…}` or `{"error":{code,message,remedy,exitCode}}`.
 * @param pipe null where the child could not even be started
 */
export function readOutcome(
  child: EventEmitter,
  pipe: Readable | null,
  patience: Patience,
): Promise<Outcome> {
  return new Promise((resolve) => {
    let line = '';
    const settle = (outcome: Outcome) => {
      forget();
      patience.signal?.removeEventListener('abort', interrupt);
      resolve(outcome);
    };
    const silent = () => settle({ kind: 'silent' });
    const interrupt = () => settle({ kind: 'interrupted' });
    const withinMs = patience.readyTimeoutMs + (patience.reasonMs ?? 0);
    const forget = afterAwake(withinMs, () => settle({ kind: 'late' }));
    patience.signal?.addEventListener('abort', interrupt, { once: true });
    child.once('error', (cause: Error) => settle({ kind: 'not-started', cause }));
    child.once('exit', () => setTimeout(silent, AFTER_EXIT_MS).unref());
    pipe?.setEncoding('utf8');
    pipe?.once('error', silent);
    pipe?.once('end', silent);
    pipe?.on('data', (text: string) => {
      line += text;
      const end = line.indexOf('\n');
      if (end !== -1) settle(parseLine(line.slice(0, end)));
      else if (line.length > MAX_LINE_BYTES) silent();
    });
  });
}

function parseLine(line: string): Outcome {
  const word = parseJson(line);
  if (word.ready !== undefined) return { kind: 'ready', value: word.ready };
  const { code, message, remedy, exitCode } = (word.error ?? {}) as Record<string, unknown>;
  if (typeof message !== 'string') return { kind: 'silent' };
  const texts = [code ?? 'failed', message, remedy ?? ''].map((text) => plain(String(text)));
  const [known = '', what = '', next = ''] = texts;
  return { kind: 'reported', error: new MeowError(known, what, next, toExitCode(exitCode)) };
}

function parseJson(line: string): Record<string, unknown> {
  try {
    return (JSON.parse(line) ?? {}) as Record<string, unknown>;
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}

function toExitCode(value: unknown): ExitCode {
  const known = Object.values(exitCodes).find((code) => code === value);
  return known === undefined || known === exitCodes.done ? exitCodes.failed : known;
}

const READY_FD = 3;
/** The spawner, if it is there, ends us first and says why. */
const AFTER_SPAWNER_MS = 500;

/** What a server says to whoever spawned it: the first word counts. */
export interface ReadyPipe {
  tell(ready: object): void;
  fail(error: unknown): void;
}

export interface ReadyTime {
  readonly readyMs: number;
  /** How much longer whoever spawned us waits to hear why we are not ready. */
  readonly reasonMs: number;
  /** When it may go on, if it has to wait for that: only then its time begins. */
  readonly released?: Promise<void> | undefined;
}

/**
 * The pipe to the `spawn` that started us: one line, then closed. A spawner that is gone is no
 * reason to stop: the server runs and is registered. One that is never ready ends by itself.
 */
export function readyPipe(
  spawned: boolean,
  proc: NodeJS.Process,
  { readyMs, reasonMs, released }: ReadyTime,
): ReadyPipe {
  if (!spawned) return { tell: () => {}, fail: () => {} };
  const spawnerMs = readyMs + reasonMs + AFTER_SPAWNER_MS;
  const limitAfter = (ms: number) => setTimeout(() => proc.exit(exitCodes.timeout), ms);
  let limit: NodeJS.Timeout | undefined;
  if (!released) limit = limitAfter(Math.max(0, spawnerMs - proc.uptime() * 1_000));
  void released?.then(() => {
    if (!told) limit = limitAfter(spawnerMs);
  });
  let told = false;
  const send = (value: object) => {
    clearTimeout(limit);
    if (!told) sendLine(value);
    told = true;
  };
  return {
    tell: (ready: object) => send({ ready }),
    fail: (error: unknown) => send({ error: describe(error) }),
  };
}

function sendLine(value: object): void {
  try {
    writeSync(READY_FD, `${JSON.stringify(value)}\n`);
    closeSync(READY_FD);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EPIPE' && code !== 'EBADF') throw error;
  }
}

function describe(error: unknown): object {
  if (!(error instanceof MeowError)) {
    return {
      code: 'failed',
      message: errorInWords(error),
      remedy: systemRemedy(error) ?? '',
      exitCode: exitCodes.timeout,
    };
  }
  const { code, message, remedy, exitCode } = error;
  return { code, message, remedy, exitCode };
}
