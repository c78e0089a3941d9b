import type { FleetView } from '../../../model/fleet-view.ts';
import type { Overview, ServerView } from '../../../model/overview.ts';
import type { ServerRecord } from '../../../model/server-record.ts';
import { type Standing, standings } from '../../../model/server-state.ts';

/** Where and when a look was had. */
export interface Observation {
  readonly fleet: FleetView;
  readonly queue: Overview['queue'];
  /** How long Redis took for it. */
  readonly latencyMs: number;
  /** Monotonic. */
  readonly nowMs: number;
  /** Unix ms. */
  readonly at: number;
}

export interface OwnCountsOptions {
  readonly leaseMs: number;
  readonly host: string;
  readonly version: string;
  isHere(record: ServerRecord): boolean;
}

/** What a server had counted at a beat. */
interface Beat {
  readonly atMs: number;
  readonly requests: number;
  readonly cpuMs: number | null;
}

/** What lay between its last two beats. */
interface Pace {
  readonly beat: Beat;
  readonly rps: number | null;
  readonly cpu: number | null;
  readonly history: number[];
}

const SECONDS_KEPT = 60;
/** Beats are some 2 s apart: less is the same one, read twice on clocks that do not agree. */
const SAME_BEAT_MS = 500;

/** The fleet as Redis alone shows it: how fast servers go is the difference between their beats. */
export class OwnCounts {
  readonly #options: OwnCountsOptions;
  readonly #paces = new Map<string, Pace>();
  #history: number[] = [];

  constructor(options: OwnCountsOptions) {
    this.#options = options;
  }

  overview(look: Observation): Overview {
    const { host, version } = this.#options;
    const { fleet, at } = look;
    this.#count(look);
    const all = standings(fleet).map((standing) => this.#view(standing, fleet));
    const servers = all.sort((a, b) => a.port - b.port || (a.id < b.id ? -1 : 1));
    const totals = totalsOf(servers);
    this.#history = [...this.#history, totals.rps].slice(-SECONDS_KEPT);
    return {
      at,
      door: { id: '', url: '', host, pid: 0, startedAt: 0, version },
      redis: { connected: true, since: null, latencyMs: look.latencyMs },
      totals,
      servers,
      doors: fleet.doors.map(({ figures, ...door }) => ({
        ...{ id: door.id, url: door.url, host: door.host, pid: door.pid },
        rps: figures?.rps ?? null,
      })),
      queue: look.queue,
      history: { rps: this.#history, p99Ms: this.#history.map(() => null) },
    };
  }

  /** Whether of all that are up it is known how fast they go. */
  knows(ids: readonly string[]): boolean {
    return ids.every((id) => typeof this.#paces.get(id)?.rps === 'number');
  }

  #count({ fleet, nowMs }: Observation): void {
    const seen = new Set(fleet.servers.map(({ record }) => record.id));
    for (const id of this.#paces.keys()) if (!seen.has(id)) this.#paces.delete(id);
    for (const { record, leaseLeftMs } of fleet.servers) {
      // A lease is renewed at each beat: what is left of it says when that was.
      const atMs = nowMs - (this.#options.leaseMs - (leaseLeftMs ?? 0));
      const beat = { atMs, requests: record.requests, cpuMs: record.figures?.cpuMs ?? null };
      this.#paces.set(record.id, paceAt(this.#paces.get(record.id), beat));
    }
  }

  #view({ record, state, desired }: Standing, fleet: FleetView): ServerView {
    const { id, url, host, port, pid, app, version, startedAt, requests, inflight } = record;
    const pace = this.#paces.get(id);
    const verdict = verdictOn(id, fleet);
    const { rss = null, heap = null, loopMs = null, restarts } = record.figures ?? {};
    return {
      ...{ id, url, host, here: this.#options.isHere(record), port, pid, app, version, state },
      ...(record.worker ? { worker: true as const } : {}),
      ...{ door: verdict?.state ?? null, reason: verdict?.reason || (record.failing ?? '') },
      ...{ startedAt, requests, rps: pace?.rps ?? 0, p50Ms: null, p99Ms: null },
      ...{
        errors: null,
        errorsPerSecond: null,
        inflight,
        rss,
        cpu: pace?.cpu ?? null,
        heap,
        loopMs,
      },
      restarts: restarts ?? desired?.restarts ?? null,
      history: pace?.history ?? [],
    };
  }
}

function paceAt(before: Pace | undefined, beat: Beat): Pace {
  if (!before) return { beat, rps: null, cpu: null, history: [] };
  const tookMs = beat.atMs - before.beat.atMs;
  const isNew = tookMs > SAME_BEAT_MS;
  const rps = isNew ? perSecond(beat.requests - before.beat.requests, tookMs) : before.rps;
  const cpu = isNew ? shareOf(beat, before.beat, tookMs) : before.cpu;
  const history = [...before.history, rps ?? 0].slice(-SECONDS_KEPT);
  return { beat: isNew ? beat : before.beat, rps, cpu, history };
}

function perSecond(count: number, tookMs: number): number {
  return Math.max(0, (count * 1_000) / tookMs);
}

function shareOf(beat: Beat, before: Beat, tookMs: number): number | null {
  if (beat.cpuMs === null || before.cpuMs === null) return null;
  return Math.max(0, (beat.cpuMs - before.cpuMs) / tookMs);
}

const verdicts = ['usable', 'doubtful', 'draining', 'out'] as const;

/** What the first door says of it that says something. */
export function verdictOn(id: string, { doors }: Pick<FleetView, 'doors'>) {
  for (const { roster } of doors) {
    const said = roster[id];
    const state = verdicts.find((each) => each === said?.state);
    if (said && state) return { state, reason: said.reason };
  }
  return null;
}

function totalsOf(servers: readonly ServerView[]): Overview['totals'] {
  const sum = (of: (server: ServerView) => number) =>
    servers.reduce((all, server) => all + of(server), 0);
  return {
    servers: servers.length,
    up: servers.filter(({ state }) => state === 'up').length,
    rps: sum(({ rps }) => rps),
    ...{ p50Ms: null, p99Ms: null, errorsPerSecond: null },
    inflight: sum(({ inflight }) => inflight),
    ...{ webSockets: null, streams: null, retriesPerSecond: null },
  };
}
