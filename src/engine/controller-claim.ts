import { FailedError } from '../errors.ts';
import { isPid, parseObject } from '../model/fields.ts';
import { identify } from '../process/identity.ts';
import { type FleetName, type Kind, kindOf } from '../process/our-process.ts';
import { type Lock, takeLock } from '../state/lock.ts';
import { readIfAny, removeFile, writeWhole } from '../state/whole-file.ts';
import { until } from '../time/until.ts';
import { type EngineFiles, fleetIn } from './engine-files.ts';

/** The process that looks after one HAProxy. */
export interface Claimant {
  readonly pid: number;
  readonly pidStart: string;
}

export interface Claim {
  /** Whether nobody else has it: one that is missing, or of a process that has ended, is ours again. */
  stands(): boolean;
  /** Tells whoever has it now that we touch that HAProxy no more. */
  letGo(): void;
  /** Whether whoever let it go to us is still there, and takes it back when it is released. */
  isLent(): boolean;
  release(): void;
}

export interface Claiming {
  /** The state folder. */
  readonly home: string;
  readonly self: Claimant;
  readonly fleet: FleetName;
  /** Whoever looks after it now has so long to let it go. */
  readonly withinMs: number;
  /** The pid of the `up` that hands over to us, which lets go before it ends; null for none. */
  readonly older: number | null;
}

interface Claimed extends Claimant, FleetName {
  /** Whoever had it before has let it go. */
  readonly isFree: boolean;
}

type Files = Pick<EngineFiles, 'controller'>;

const LOOK_MS = 50;
const LOCK = 'claims';
const LOCK_ANSWER_MS = 1_000;

/**
 * Claims the HAProxy of these files: whoever looked after it sees that, and ends without ending it.
 * @throws FailedError where that is an `up`, which ends its servers too, or does not let go
 */
export async function claim(
  { controller: path }: Files,
  { home, self, fleet, withinMs, older }: Claiming,
): Promise<Claim> {
  const write = (isFree: boolean) =>
    writeWhole(path, JSON.stringify({ ...self, ...fleet, isFree }));
  const lock = await lockClaims(home, self, withinMs);
  let before: Living | null;
  try {
    before = living(path);
    if (before?.kind === 'up' && before.pid !== older) throw cannotTake(before.pid, '`meowctl up`');
    write(false);
  } finally {
    lock.release();
  }
  const isOurs = () => isSame(readClaim(path), self);
  if (before && !(await isLetGo(path, before, withinMs))) {
    if (isOurs()) writeWhole(path, before.text);
    throw cannotTake(before.pid, before.kind === 'up' ? '`meowctl up`' : '`meowctl proxy`');
  }
  return {
    stands() {
      if (isOurs()) return true;
      if (living(path) !== null) return false;
      write(true);
      return true;
    },
    isLent: () => before !== null && identify(before.pid)?.start === before.pidStart,
    letGo() {
      const now = readClaim(path);
      if (now && !isSame(now, self)) writeWhole(path, JSON.stringify({ ...now, isFree: true }));
    },
    release() {
      if (isOurs()) removeFile(path);
    },
  };
}

/** Of two that begin at once, the second one is to see the first. */
async function lockClaims(home: string, { pid }: Claimant, withinMs: number): Promise<Lock> {
  let holder = '';
  const take = async () => {
    const taken = await takeLock(home, LOCK, `${pid}`, LOCK_ANSWER_MS);
    if ('release' in taken) return taken;
    holder = taken.about;
    return null;
  };
  const lock = await until(take, { everyMs: LOOK_MS, withinMs });
  if (lock === null)
    throw cannotTake(isPid(Number(holder)) ? Number(holder) : null, 'another door');
  return lock;
}

/** Of which fleet whoever looks after it now is; null where nobody does. */
export function claimedFor({ controller: path }: Files): FleetName | null {
  return living(path)?.fleet ?? null;
}

interface Living extends Claimant {
  readonly kind: Kind;
  readonly fleet: FleetName;
  /** Its claim, as it stands there. */
  readonly text: string;
}

/** Whoever looks after it now. */
function living(path: string): Living | null {
  const text = readIfAny(path);
  const claimed = parseClaim(text);
  if (claimed === null || claimed.pid === process.pid) return null;
  const { pid, pidStart, namespace, redis } = claimed;
  const found = identify(pid);
  const told = found?.start === pidStart ? kindOf(found.commandLine) : null;
  return told && { pid, pidStart, kind: told.kind, fleet: { namespace, redis }, text };
}

function isLetGo(path: string, before: Living, withinMs: number): Promise<boolean> {
  const { pid, pidStart, kind } = before;
  const isGone = () => identify(pid)?.start !== pidStart;
  // Also its admin listener is to be free, where no process hands that over.
  const look = () => isGone() || (kind === 'up' && readClaim(path)?.isFree === true);
  return until(look, { everyMs: LOOK_MS, withinMs }).then((found) => found !== null);
}

function readClaim(path: string): Claimed | null {
  return parseClaim(readIfAny(path));
}

function parseClaim(text: string): Claimed | null {
  const fields = parseObject(text) ?? {};
  const { pid, pidStart, isFree } = fields;
  const fleet = fleetIn(fields);
  if (!isPid(pid) || typeof pidStart !== 'string' || fleet === null) return null;
  return { pid: Number(pid), pidStart, isFree: isFree === true, ...fleet };
}

function isSame(claimed: Claimed | null, { pid, pidStart }: Claimant): boolean {
  return claimed?.pid === pid && claimed.pidStart === pidStart;
}

function cannotTake(pid: number | null, what: string): FailedError {
  const named = pid === null ? what : `${what} (pid ${pid})`;
  const message = `${named} looks after the HAProxy on this port, and does not let it go`;
  return new FailedError('port-in-use', message, 'End it, or choose another port with --port');
}
