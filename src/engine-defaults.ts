import { availableParallelism } from 'node:os';

/** What HAProxy 2.6 takes at most, where a word of the machine has 64 bits. */
const MAX_THREADS = 64;

/** The defaults and limits of a door on HAProxy, each with its unit, beside those that every door has. */
export const engineDefaults = Object.freeze({
  /** What a door's requests go through: this process, or an HAProxy that it starts. */
  engine: 'embedded' as const,
  leastHaproxy: { major: 2, minor: 6 },
  threads: Math.min(availableParallelism(), MAX_THREADS),
  maxThreads: MAX_THREADS,
  /** HAProxy starts within this, answers a command, says what is wrong with its configuration. */
  engineStartMs: 10_000,
  engineCommandMs: 5_000,
  engineCheckMs: 10_000,
  /** One that runs and has not answered for so long is ended, and started again. */
  engineSilentMs: 30_000,
  /** How often is looked whether it does what it should; and how often its file is written, at most. */
  engineWatchMs: 250,
  engineFileMs: 1_000,
  /** Whoever looked after it has so long to let it go. */
  engineTakeOverMs: 10_000,
  /** What HAProxy says: its log is emptied at a start where it is larger. */
  engineLogBytes: 1_024 * 1_024,
});
