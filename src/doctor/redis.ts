import type { StoreError } from '../errors.ts';
import type { Guides } from '../store/connection/open.ts';
import type { EventsFound, Examination, RedisFacts } from '../store/examine.ts';
import { quote } from '../text.ts';
import { duration } from '../time/duration.ts';
import { bad, type Check, failed, some, warn, well } from './check.ts';

/** Every request waits for none of it, but each beat, order and picture does. */
const SLOW_MS = 20;
/** Whatever is told with a time looks wrong beyond that; nothing is decided by it. */
const CLOCKS_APART_MS = 2_000;
const NEARLY_FULL = 0.9;

/**
 * What one Redis says of itself.
 * @param refusal why it would not take a beat now; null where it would
 */
export function checkRedis(
  label: string,
  found: Examination,
  refusal: StoreError | null,
): readonly Check[] {
  const { facts, latencyMs } = found;
  const version = facts ? `Redis ${facts.version}` : 'Redis';
  return [
    well('redis', `${version} at ${label} answers`),
    latencyMs > SLOW_MS
      ? warn('redis-latency', inMs(latencyMs), 'Bring Redis nearer, or see what keeps it busy')
      : well('redis-latency', inMs(latencyMs)),
    ...(facts ? [checkDisk(facts), checkMemory(facts)] : [unknown()]),
    checkRights(found),
    refusal ? failed('redis-writes', refusal) : well('redis-writes', 'it takes what servers tell'),
    checkEvents(found.events),
    checkClock(found),
    ...(found.guides ? checkFailover(found.guides, facts) : []),
  ];
}

/** What is needed so that another node takes over when the primary goes. */
function checkFailover(
  { kind, answered, troubles, primaries }: Guides,
  facts: RedisFacts | null,
): Check[] {
  const guides = checkGuides({ kind, answered, troubles, primaries });
  if (facts === null) return [guides];
  const check = 'redis-replicas';
  const { replicas } = facts;
  if (replicas > 0) return [guides, well(check, `replicas that follow the primary: ${replicas}`)];
  const says = 'no replica follows the primary: when it goes, nobody takes over';
  return [guides, warn(check, says, 'Start its replicas; INFO replication lists those it has')];
}

function checkGuides({ kind, answered, troubles, primaries }: Guides): Check {
  const check = kind === 'sentinels' ? 'redis-sentinels' : 'redis-cluster';
  const all = answered + troubles.length;
  const named = kind === 'sentinels' ? 'sentinels' : 'nodes in REDIS_URL';
  const says = `${named} that answer: ${answered} of ${all}`;
  const [first] = troubles;
  if (first) {
    const why = troubles.map(({ message }) => message).join('; ');
    return warn(check, `${says}: ${why}`, first.remedy);
  }
  if (primaries.length <= 1) return well(check, says);
  const apart = `${says}, and they do not agree which is the primary: ${primaries.join(', ')}`;
  return warn(check, apart, 'Look again in a minute; then see whether they reach each other');
}

function inMs(latencyMs: number): string {
  return `${latencyMs.toFixed(1)} ms for an answer`;
}

function unknown(): Check {
  const says = 'this user may not ask (INFO): whether Redis keeps what it has is unknown';
  return warn('redis-memory', says, 'Give it the right: ACL SETUSER <name> +info');
}

function checkDisk({ appends, canSave, snapshotAgoMs }: RedisFacts): Check {
  const check = 'redis-persistence';
  if (!canSave) {
    const remedy = 'Make room on its disk, or see what its log says of it';
    return bad(check, 'it cannot save its data to disk', remedy);
  }
  if (appends) return well(check, 'it writes down each change (appendonly)');
  const remedy =
    'Set appendonly yes there: servers come back by themselves, queued pictures and what was stopped do not';
  if (snapshotAgoMs === null) {
    return warn(check, 'it has saved nothing since its start: its end loses all of it', remedy);
  }
  const says = `its end loses what came after the last snapshot, ${duration(snapshotAgoMs)} ago`;
  return warn(check, says, remedy);
}

function checkMemory({ policy, maxBytes, usedBytes }: RedisFacts): Check {
  const check = 'redis-memory';
  const remedy = 'Set maxmemory-policy noeviction there';
  if (policy !== 'noeviction' && maxBytes > 0) {
    return bad(check, `maxmemory-policy ${policy}: full, it loses servers and pictures`, remedy);
  }
  if (policy !== 'noeviction') {
    const says = `maxmemory-policy ${policy}: once it has a maxmemory, it loses servers and pictures`;
    return warn(check, says, remedy);
  }
  if (maxBytes === 0) return well(check, 'noeviction, without a maxmemory');
  const share = usedBytes / maxBytes;
  const says = `noeviction, ${Math.round(share * 100)} % of its maxmemory used`;
  if (share < NEARLY_FULL) return well(check, says);
  return warn(check, says, 'Raise maxmemory there, or take pictures: `meowctl meow`');
}

function checkRights({ lacking, channel }: Examination): Check {
  if (lacking.length === 0) return well('redis-rights', 'this user may do all that is needed');
  const isOfChannel = lacking.some((name) => /^(PUBLISH|SUBSCRIBE)$/.test(name));
  const commands = lacking.map((name) => `+${name.toLowerCase()}`);
  const rights = [...(isOfChannel ? [`'&${channel}'`] : []), ...commands];
  const isOptional = lacking.every((name) => OPTIONAL.has(name));
  return (isOptional ? warn : bad)(
    'redis-rights',
    `this user may not run ${some(lacking)}`,
    `ACL SETUSER <name> ${rights.join(' ')} (all it needs: docs/operations.md)`,
  );
}

/** What goes without, more slowly or with less to tell: docs/operations.md, "Rights in Redis". */
const OPTIONAL: ReadonlySet<string> = new Set([
  ...['INFO', 'SELECT', 'SUBSCRIBE', 'PUBLISH', 'XADD', 'PING'],
]);

/** A stream only grows: whatever is added gets an id behind the last one, or none. */
function checkEvents({ key, aheadMs, trouble }: EventsFound): Check {
  if (trouble) return failed('events', trouble);
  if (aheadMs === null || aheadMs <= CLOCKS_APART_MS) return well('events', 'they can be read');
  const says = `the last one in ${quote(key)} lies in the future: what comes is told with a wrong time, or not at all`;
  return bad('events', says, 'Rename or remove that key: it is made anew');
}

function checkClock({ clockAheadMs, clockWithinMs }: Examination): Check {
  const apart = Math.abs(clockAheadMs) - clockWithinMs;
  const seconds = (Math.abs(clockAheadMs) / 1_000).toFixed(1);
  if (apart <= CLOCKS_APART_MS) return well('clock', "this host's and Redis' clocks agree");
  const says = `Redis' clock is ${seconds} s ${clockAheadMs > 0 ? 'ahead of' : 'behind'} this host's`;
  const remedy = 'Set both by NTP: leases are right all the same, times that are shown are not';
  return warn('clock', says, remedy);
}
