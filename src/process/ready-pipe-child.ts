import { closeSync, writeSync } from 'node:fs';
import { inWords } from '../cli/output/tell.ts';
import { defaults } from '../config.ts';
import { exitCodes, MeowError } from '../errors.ts';
import { systemRemedy } from '../text.ts';

const READY_FD = 3;
/** The spawner, if it is there, ends us first and says why. */
const AFTER_SPAWNER_MS = 500;

/** What a server says to whoever spawned it: the first word counts. */
export interface ReadyPipe {
  tell(ready: object): void;
  fail(error: unknown): void;
}

/**
 * The pipe to the `spawn` that started us: one line, then closed. A spawner that is gone is no
 * reason to stop: the server runs and is registered. One that is never ready ends by itself.
 * @param held when it may go on, if it has to wait for that: only then its time begins
 */
export function readyPipe(
  spawned: boolean,
  host: NodeJS.Process,
  withinMs: number = defaults.readyTimeoutMs,
  held?: Promise<void>,
): ReadyPipe {
  if (!spawned) return { tell: () => {}, fail: () => {} };
  const spawnerMs = withinMs + defaults.reasonMs + AFTER_SPAWNER_MS;
  const limitAfter = (ms: number) => setTimeout(() => host.exit(exitCodes.timeout), ms);
  let limit: NodeJS.Timeout | undefined;
  if (!held) limit = limitAfter(Math.max(0, spawnerMs - host.uptime() * 1_000));
  void held?.then(() => {
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
      message: inWords(error),
      remedy: systemRemedy(error) ?? '',
      exitCode: exitCodes.timeout,
    };
  }
  const { code, message, remedy, exitCode } = error;
  return { code, message, remedy, exitCode };
}
