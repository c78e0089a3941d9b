import type { Listing } from '../model/fleet-view.ts';
import type { Overview, ServerView } from '../model/overview.ts';
import type { Seen } from '../proxy/door.ts';

/** What an overview is made of. */
export interface OverviewSource {
  readonly about: Overview['door'];
  servers(): readonly Seen[];
  listed(): readonly Listing[];
  isHere(record: Listing['record']): boolean;
}

export function overviewOf(source: OverviewSource, at: number): Overview {
  const { about } = source;
  const seen = new Map(source.servers().map((server) => [server.id, server]));
  const servers = source
    .listed()
    .map((listing) => serverView(source, listing, seen.get(listing.record.id)))
    .sort((a, b) => a.port - b.port || (a.id < b.id ? -1 : 1));
  return {
    at,
    door: about,
    redis: { connected: true, since: null, latencyMs: null },
    totals: totalsOf(servers),
    servers,
    doors: [{ id: about.id, url: about.url, host: about.host, pid: about.pid, rps: null }],
    queue: null,
    history: { rps: [], p99Ms: [] },
  };
}

function serverView(
  source: OverviewSource,
  { record, leaseLeftMs }: Listing,
  seen: Seen | undefined,
): ServerView {
  const { id, url, host, port, pid, app, version, startedAt, requests, inflight } = record;
  const state = leaseLeftMs !== null && leaseLeftMs > 0 ? record.state : 'lost';
  return {
    ...{ id, url, host, here: source.isHere(record), port, pid, app, version, state },
    ...{ door: seen?.state ?? null, reason: seen?.reason ?? '', startedAt, requests },
    ...{ rps: 0, p50Ms: null, p99Ms: null, errors: 0, errorsPerSecond: 0 },
    inflight: seen?.inflight ?? inflight,
    ...{ rss: null, cpu: null, heap: null, loopMs: null, restarts: null },
    history: [],
  };
}

function totalsOf(servers: readonly ServerView[]): Overview['totals'] {
  return {
    servers: servers.length,
    up: servers.filter(({ state }) => state === 'up').length,
    ...{ rps: 0, p50Ms: null, p99Ms: null, errorsPerSecond: 0 },
    inflight: servers.reduce((sum, { inflight }) => sum + inflight, 0),
    ...{ webSockets: 0, streams: 0, retriesPerSecond: 0 },
  };
}
