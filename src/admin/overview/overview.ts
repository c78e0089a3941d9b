import type { DoorFigures } from '../../metrics/door-figures.ts';
import type { FleetAround, Listing } from '../../model/fleet-view.ts';
import type { Overview, ServerView } from '../../model/overview.ts';
import type { Place } from '../../model/place.ts';
import type { ServerRecord } from '../../model/server-record.ts';
import { type Standing, standings } from '../../model/server-state.ts';
import type { Seen } from '../../proxy/door.ts';
import { CpuShares } from './cpu-shares.ts';

/** What the door knows at any time. */
export interface OverviewSource {
  readonly about: Overview['door'];
  readonly figures: DoorFigures;
  servers(): readonly Seen[];
  listed(): readonly Listing[];
  /** Whether that is on the door's own host. */
  isHere(place: Place): boolean;
  /** Unix ms; null while Redis is there. */
  redisAwaySince(): number | null;
}

type Counted = ReturnType<DoorFigures['snapshot']>;

/** What is read from Redis for it, while somebody looks. */
export interface Around extends FleetAround {
  readonly queue: Overview['queue'];
  readonly latencyMs: number | null;
}

/** Makes overviews, one after the other. */
export class Overviews {
  readonly #source: OverviewSource;
  readonly #cpu = new CpuShares();

  constructor(source: OverviewSource) {
    this.#source = source;
  }

  make(around: Around, at: number): Overview {
    const { about, figures } = this.#source;
    const counts = figures.snapshot();
    const servers = this.#servers(around, counts);
    const since = this.#source.redisAwaySince();
    const isThere = since === null;
    return {
      at,
      door: about,
      redis: { connected: isThere, since, latencyMs: isThere ? around.latencyMs : null },
      totals: totalsOf(servers, figures, counts),
      servers,
      doors: doorsOf(about, around, figures),
      queue: isThere ? around.queue : null,
      history: historyOf(figures),
    };
  }

  #servers({ desiredServers }: Around, counts: Counted): ServerView[] {
    const { servers, listed } = this.#source;
    const seen = new Map(servers().map((server) => [server.id, server]));
    const all = standings({ servers: listed(), desiredServers });
    this.#cpu.keepOnly(new Set(all.map(({ record }) => record.id)));
    return all
      .map((standing) => this.#view(standing, seen.get(standing.record.id), counts))
      .sort((a, b) => a.port - b.port || (a.id < b.id ? -1 : 1));
  }

  #view({ record, state, desired }: Standing, seen: Seen | undefined, counts: Counted) {
    const { id, url, host, port, pid, app, version, startedAt, requests, inflight } = record;
    const here = this.#source.isHere(record);
    const { restarts = 0 } = desired ?? {};
    return {
      ...{ id, url, host, here, port, pid, app, version, state },
      ...(record.worker ? { worker: true as const } : {}),
      ...{ door: seen?.state ?? null, reason: whyNot(state, seen, record), startedAt, requests },
      ...this.#rates(id),
      errors: counts.servers.get(id)?.errors ?? 0,
      inflight: seen?.inflight ?? inflight,
      ...this.#usage(record),
      restarts: record.figures?.restarts ?? (desired ? restarts : null),
    };
  }

  #rates(id: string) {
    const rates = this.#source.figures.rates(id);
    if (!rates) return { rps: 0, p50Ms: null, p99Ms: null, errorsPerSecond: 0, history: [] };
    const { rps, p50Ms, p99Ms, errorsPerSecond, history } = rates;
    return {
      ...{ rps: short(rps), p50Ms: shortOrNull(p50Ms), p99Ms: shortOrNull(p99Ms) },
      ...{ errorsPerSecond: short(errorsPerSecond), history: history.rps.map(short) },
    };
  }

  #usage({ id, figures }: ServerRecord) {
    const { rss = null, cpuMs = null, heap = null, loopMs = null } = figures ?? {};
    const cpu = cpuMs === null ? null : this.#cpu.share(id, cpuMs, performance.now());
    return { rss, cpu, heap, loopMs };
  }
}

function whyNot(state: ServerView['state'], seen: Seen | undefined, record: ServerRecord): string {
  if (state === 'crashed') return 'it died too often, and is not started again by itself';
  if (state === 'stopped') return 'it was stopped, and comes back with the next `meowctl up`';
  const { failing = '' } = record;
  return seen?.reason || failing || (state === 'lost' ? 'no heartbeat' : '');
}

function totalsOf(
  servers: readonly ServerView[],
  figures: DoorFigures,
  { total }: Counted,
): Overview['totals'] {
  const { rps, p50Ms, p99Ms, errorsPerSecond, retriesPerSecond } = figures.rates();
  return {
    servers: servers.length,
    up: servers.filter(({ state }) => state === 'up').length,
    ...{ rps: short(rps), p50Ms: shortOrNull(p50Ms), p99Ms: shortOrNull(p99Ms) },
    errorsPerSecond: short(errorsPerSecond),
    inflight: servers.reduce((sum, { inflight }) => sum + inflight, 0),
    ...{ webSockets: total.webSockets, streams: total.streams },
    retriesPerSecond: short(retriesPerSecond),
  };
}

function historyOf(figures: DoorFigures): Overview['history'] {
  const { rps, p99Ms } = figures.rates().history;
  return { rps: rps.map(short), p99Ms: p99Ms.map(shortOrNull) };
}

// This door is one of them, whatever Redis says.
function doorsOf(
  { id, url, host, pid }: Overview['door'],
  { doors }: Around,
  figures: DoorFigures,
): Overview['doors'] {
  const others = doors.filter((door) => door.id !== id).sort((a, b) => (a.id < b.id ? -1 : 1));
  return [
    { id, url, host, pid, rps: short(figures.rates().rps) },
    ...others.map((door) => ({
      ...{ id: door.id, url: door.url, host: door.host, pid: door.pid },
      rps: shortOrNull(door.figures?.rps ?? null),
    })),
  ];
}

/** Nobody reads the second decimal. */
function short(value: number): number {
  return Math.round(value * 10) / 10;
}

function shortOrNull(value: number | null): number | null {
  return value === null ? null : short(value);
}
