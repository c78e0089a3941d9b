import { type Standing, standings } from '../model/fleet-states.ts';
import type { FleetAround, Listing } from '../model/fleet-view.ts';
import type { Overview, ServerView } from '../model/overview.ts';
import type { Place } from '../model/place.ts';
import type { ServerRecord } from '../model/server-record.ts';
import type { Seen } from '../proxy/door.ts';

/** What the door knows at any time. */
export interface OverviewSource {
  readonly about: Overview['door'];
  servers(): readonly Seen[];
  listed(): readonly Listing[];
  /** Whether that is on the door's own host. */
  isHere(place: Place): boolean;
  redis(): Overview['redis'];
}

/** What is read from Redis for it, while somebody looks. */
export interface Around extends FleetAround {
  readonly queue: Overview['queue'];
}

export function overviewOf(source: OverviewSource, around: Around, at: number): Overview {
  const { about } = source;
  const seen = new Map(source.servers().map((server) => [server.id, server]));
  const servers = standings({ servers: source.listed(), desiredServers: around.desiredServers })
    .map((standing) => serverView(standing, seen.get(standing.record.id), source))
    .sort((a, b) => a.port - b.port || (a.id < b.id ? -1 : 1));
  const redis = source.redis();
  return {
    at,
    door: about,
    redis,
    totals: totalsOf(servers),
    servers,
    doors: doorsOf(about, around),
    queue: redis.connected ? around.queue : null,
    history: { rps: [], p99Ms: [] },
  };
}

function serverView(
  { record, state, desired }: Standing,
  seen: Seen | undefined,
  { isHere }: OverviewSource,
): ServerView {
  const { id, url, host, port, pid, app, version, startedAt, requests, inflight } = record;
  return {
    ...{ id, url, host, here: isHere(record), port, pid, app, version, state },
    ...{ door: seen?.state ?? null, reason: whyNot(state, seen, record), startedAt, requests },
    ...{ rps: 0, p50Ms: null, p99Ms: null, errors: 0, errorsPerSecond: 0 },
    inflight: seen?.inflight ?? inflight,
    ...{ rss: null, cpu: null, heap: null, loopMs: null, restarts: desired?.restarts ?? null },
    history: [],
  };
}

function whyNot(state: ServerView['state'], seen: Seen | undefined, record: ServerRecord): string {
  if (state === 'crashed') return 'it died too often, and is not started again by itself';
  if (state === 'stopped') return 'it was stopped, and comes back with the next `meowctl up`';
  const { failing = '' } = record;
  return seen?.reason || failing || (state === 'lost' ? 'it shows no sign of life' : '');
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

// This door is one of them, whatever Redis says.
function doorsOf({ id, url, host, pid }: Overview['door'], { doors }: Around): Overview['doors'] {
  const others = doors.filter((door) => door.id !== id).sort((a, b) => (a.id < b.id ? -1 : 1));
  return [
    { id, url, host, pid, rps: null },
    ...others.map((door) => ({
      ...{ id: door.id, url: door.url, host: door.host, pid: door.pid },
      rps: null,
    })),
  ];
}
