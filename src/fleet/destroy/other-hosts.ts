import { type MeowError, TimeoutError } from '../../errors.ts';
import type { ServerRecord } from '../../model/server-record.ts';
import { isOfHost, type Machine } from '../../process/identity.ts';
import { plain } from '../../text.ts';
import type { KnownServer } from '../targets/servers.ts';

/** What became of a server that did not leave when it was asked. */
export interface LeaveOutcome {
  readonly gone: ServerRecord | null;
  readonly failed: MeowError | null;
}

export const ORDER_STANDS = 'The order to leave stands: it obeys once it can';
/** Servers that one line names, where it is about many. */
const MAX_NAMED = 5;

/** A server of another host that is lost can be ordered to leave, and no more. */
export function isLostOnOtherHost({ standing, record }: KnownServer, machine: Machine): boolean {
  return standing === 'lost' && !isOfHost(record, machine);
}

export function sayWhatIsOnOtherHosts(
  ordered: readonly KnownServer[],
  machine: Machine,
  say: (line: string) => void,
): void {
  const lost = ordered.filter((server) => isLostOnOtherHost(server, machine));
  if (lost.length === 0) return;
  const count = lost.length === 1 ? '1 lost server is' : `${lost.length} lost servers are`;
  say(`${count} not this host's to end (${namesOf(lost)}): only ordered to leave`);
}

/** The failures of all that were left; many servers that stay elsewhere are one line. */
export function together(
  left: readonly KnownServer[],
  ends: readonly LeaveOutcome[],
  machine: Machine,
): MeowError[] {
  const all = left.map((server, at) => ({ server, end: ends[at] }));
  const stay = all.filter(({ server, end }) => !end?.gone && !isOfHost(server.record, machine));
  const told = stay.length > MAX_NAMED ? all.filter((each) => !stay.includes(each)) : all;
  const failed = told.flatMap(({ end }) => end?.failed ?? []);
  if (told === all) return failed;
  const names = namesOf(stay.map(({ server }) => server));
  const message = `${stay.length} servers of other hosts did not leave: ${names}`;
  return [...failed, new TimeoutError('not-drained', message, ORDER_STANDS)];
}

function namesOf(servers: readonly KnownServer[]): string {
  const named = servers.slice(0, MAX_NAMED).map(({ id, record }) => `${id} on ${record.host}`);
  const more = servers.length - named.length;
  return plain(named.join(', ')) + (more > 0 ? ` and ${more} more` : '');
}
