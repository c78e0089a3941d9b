import { FailedError } from '../../errors.ts';
import { repeat } from '../../loop.ts';
import type { ThisProcess } from '../../process/identity.ts';
import { forgetOtherRuns } from '../../process/run-notes.ts';
import { type Lock, takeLock } from '../../state/lock.ts';
import { plain } from '../../text.ts';
import { until } from '../../time/until.ts';
import {
  findUp,
  isOfRun,
  isSame,
  markText,
  parseUpMark,
  readUpMark,
  removeUpMark,
  touchUpMark,
  type UpMark,
  upMarkTime,
  writeUpMark,
} from './mark.ts';

/** The name of the lock. */
const UP = 'up';

export interface UpOptions {
  /** Ends the wait for another machine's sign of life. */
  readonly signal: AbortSignal;
  log(line: string): void;
  /** Defaults of defaults.ts, under the same names. */
  readonly settings: Readonly<Record<'beatMs' | 'leaseMs' | 'lockAnswerMs' | 'upLookMs', number>>;
}

/** This process is the one `up` of its state folder. */
export interface UpTaken {
  /** Resolves when another machine took the folder at the same moment, and has it. */
  readonly lost: Promise<FailedError>;
  release(): Promise<void>;
}

/**
 * Makes this process the one `up` of its state folder. On this machine the kernel holds the lock; for
 * others, that share the folder, a mark moves at every beat as long as it lives.
 * @param home is there
 * @throws FailedError where another has it
 */
export async function takeUp(
  home: string,
  self: ThisProcess,
  options: UpOptions,
): Promise<UpTaken> {
  const elsewhere = await watchElsewhere(home, self, options);
  if (elsewhere) throw alreadyUp(elsewhere, self);
  const lock = await takeLock(home, UP, markText(self), options.settings.lockAnswerMs);
  if (!('release' in lock)) throw alreadyUp(parseUpMark(lock.about) ?? findUp(home, self), self);
  try {
    // One that knows no lock yet, or whose lock somebody removed.
    const older = findUp(home, self);
    if (older && !isSame(older, self)) throw alreadyUp(older, self);
    writeUpMark(home, self);
  } catch (error) {
    lock.release();
    throw error;
  }
  forgetOtherRuns(home, self);
  return keepMoving(home, self, lock, options);
}

/** The `up` of this folder on another machine or in another container, if its mark moves. */
async function watchElsewhere(
  home: string,
  self: ThisProcess,
  { signal, log, settings: { leaseMs, upLookMs } }: UpOptions,
): Promise<UpMark | null> {
  const mark = readUpMark(home);
  if (!mark || isOfRun(mark, self)) return null;
  const where = mark.host === self.host ? 'another container' : `host ${plain(mark.host ?? '')}`;
  const seconds = leaseMs / 1_000;
  log(
    `looking for up to ${seconds} s whether the \`meowctl up\` of ${where} still uses this folder`,
  );
  const before = upMarkTime(home);
  const hasMoved = () => upMarkTime(home) !== before;
  const moved = await until(hasMoved, { everyMs: upLookMs, withinMs: leaseMs, signal });
  return moved === null ? null : readUpMark(home);
}

function keepMoving(
  home: string,
  self: ThisProcess,
  lock: Lock,
  { log, settings: { beatMs } }: UpOptions,
): UpTaken {
  let lose: (error: FailedError) => void = () => {};
  const lost = new Promise<FailedError>((resolve) => {
    lose = resolve;
  });
  const moving = repeat({
    name: 'marking the state folder as in use',
    every: () => beatMs,
    work() {
      const mark = readUpMark(home);
      if (mark === null) writeUpMark(home, self);
      else if (isSame(mark, self)) touchUpMark(home);
      else if (!isOfRun(mark, self)) lose(alreadyUp(mark, self));
    },
    log: (line) => log(`meowctl: ${line}`),
    unref: true,
  });
  return {
    lost,
    async release() {
      await moving.stop();
      removeUpMark(home, self);
      lock.release();
    },
  };
}

export function alreadyUp(mark: UpMark | null, self: ThisProcess): FailedError {
  if (mark && !isOfRun(mark, self)) {
    const where = plain(mark.host ?? 'another machine');
    const message = `meowctl up already runs in this state folder on ${where} (pid ${mark.pid})`;
    return new FailedError(
      'already-up',
      message,
      'End it there, or set MEOW_HOME to another folder',
    );
  }
  const message = `meowctl up already runs here${mark ? ` (pid ${mark.pid})` : ''}`;
  return new FailedError('already-up', message, 'End it with `meowctl down`');
}
