import { LAST_PORT } from '../../address.ts';
import { FailedError, NothingError, UsageError } from '../../errors.ts';
import { recordOfDesired } from '../../model/desired-server.ts';
import { type FleetView, isLeased } from '../../model/fleet-view.ts';
import type { ServerRecord } from '../../model/server-record.ts';
import { type Identify, isHere, type Machine } from '../../process/identity.ts';
import { quote } from '../../text.ts';

/** A server the registry knows of: by its record, or only by what was asked for. */
export interface KnownServer {
  readonly id: string;
  /** Made from the desired server where there is no record. */
  readonly record: ServerRecord;
  readonly standing: 'live' | 'lost' | 'desired';
}

const LIST = 'See `meowctl listservers`';

export function knownServers(view: Pick<FleetView, 'servers' | 'desiredServers'>): KnownServer[] {
  const known: KnownServer[] = view.servers.map((listing) => ({
    id: listing.record.id,
    record: listing.record,
    standing: isLeased(listing) ? 'live' : 'lost',
  }));
  const ids = new Set(known.map(({ id }) => id));
  for (const [id, desired] of view.desiredServers) {
    if (!ids.has(id)) known.push({ id, record: recordOfDesired(id, desired), standing: 'desired' });
  }
  return known;
}

/** Whether it runs and is to go on doing so. */
export function isUp({ standing, record }: KnownServer): boolean {
  return standing === 'live' && record.state !== 'draining';
}

/** Whether it takes requests and is to go on doing so. */
export function takesRequests(server: KnownServer): boolean {
  return isUp(server) && !server.record.worker;
}

/**
 * The servers that ids, ports and urls name, each once.
 * @throws UsageError for what cannot name one, NothingError where none is so named, FailedError
 *   where several are
 */
export function findTargets(
  texts: readonly string[],
  known: readonly KnownServer[],
  machine: Machine,
  identify: Identify,
): KnownServer[] {
  const names = texts.map((text) => toName(text, identify));
  return [...new Set(names.map((name, at) => findOne(texts[at] ?? '', name, known, machine)))];
}

type Named = (known: KnownServer) => boolean;

function toName(text: string, identify: Identify): Named {
  const url = /^https?:\/\/[A-Za-z0-9._[\]:-]{1,255}:\d{1,5}\/?$/.exec(text);
  if (url) return ({ record }) => record.url === text.replace(/\/$/, '');
  if (/^[1-9]\d{0,9}$/.test(text) && isPortOrPid(Number(text), identify)) {
    return ({ id, record }) => id === text || record.port === Number(text);
  }
  if (/^[a-z0-9]{6}$/.test(text)) return ({ id }) => id === text;
  throw new UsageError(
    `server ${quote(text)} is not an id, a port or a url`,
    text === 'all'
      ? 'All are meant by `restart` without a name, `scale 0` and `destroy --all`'
      : 'Use an id of 6 characters a-z 2-9, a port from 1 to 65535, or http://host:port: see `meowctl ls`',
  );
}

// A pid is a likely slip, and names no server: an answer, not a signal.
function isPortOrPid(value: number, identify: Identify): boolean {
  return value <= LAST_PORT || identify(value) !== null;
}

/** A live one before a lost one before a wish, and of those one on this machine before others. */
function findOne(
  text: string,
  named: Named,
  known: readonly KnownServer[],
  machine: Machine,
): KnownServer {
  const found = known.filter(named);
  const ranks = found.map((one) => rank(one, machine));
  const best = found.filter((_, at) => ranks[at] === Math.min(...ranks));
  const [first] = best;
  if (!first) throw new NothingError(`no server has the id, port or url ${quote(text)}`, LIST);
  if (best.length === 1) return first;
  const ids = best.map(({ id }) => id).join(', ');
  throw new FailedError('ambiguous', `${quote(text)} names several servers: ${ids}`, 'Use an id');
}

function rank({ standing, record }: KnownServer, machine: Machine): number {
  return { live: 0, lost: 2, desired: 4 }[standing] + (isHere(record, machine) ? 0 : 1);
}
