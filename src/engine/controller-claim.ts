import { FailedError } from '../errors.ts';
import { identify } from '../process/identity.ts';
import { kindOf } from '../process/our-process.ts';
import { readIfAny, removeFile, writeWhole } from '../state/whole-file.ts';
import { until } from '../time/until.ts';
import { type EngineFiles, parsed } from './engine-files.ts';

/** The process that looks after one HAProxy. */
export interface Claimant {
  readonly pid: number;
  readonly pidStart: string;
}

export interface Claim {
  /** Whether nobody else has claimed it since. */
  stands(): boolean;
  release(): void;
}

const LOOK_MS = 50;

/**
 * Claims the HAProxy of these files: whoever looked after it sees that, and ends without ending it.
 * @throws FailedError where that is an `up`, which ends its servers too, or does not end
 */
export async function claim(
  { controller: path }: Pick<EngineFiles, 'controller'>,
  self: Claimant,
  withinMs: number,
): Promise<Claim> {
  const before = living(path);
  if (before?.kind === 'up') throw cannotTake(before.pid, '`meowctl up`');
  writeWhole(path, JSON.stringify({ pid: self.pid, pidStart: self.pidStart }));
  if (before) await ended(before, withinMs);
  const stands = () => {
    const { pid, pidStart } = parsed(readIfAny(path));
    return pid === self.pid && pidStart === self.pidStart;
  };
  return {
    stands,
    release() {
      if (stands()) removeFile(path);
    },
  };
}

/** Whoever looks after it now; null where nobody does. */
function living(path: string) {
  const { pid, pidStart } = parsed(readIfAny(path));
  if (!Number.isInteger(pid)) return null;
  const found = identify(Number(pid));
  const told = found?.start === pidStart ? kindOf(found?.commandLine ?? []) : null;
  if (!told || Number(pid) === process.pid) return null;
  return { pid: Number(pid), pidStart: String(pidStart), kind: told.kind };
}

async function ended({ pid, pidStart }: Claimant, withinMs: number): Promise<void> {
  const isGone = () => identify(pid)?.start !== pidStart;
  const gone = await until(isGone, { everyMs: LOOK_MS, withinMs });
  if (gone === null) throw cannotTake(pid, '`meowctl proxy`');
}

function cannotTake(pid: number, what: string): FailedError {
  const message = `${what} (pid ${pid}) looks after the HAProxy on this port, and does not let it go`;
  return new FailedError('port-in-use', message, 'End it, or choose another port with --port');
}
