import type { Overview, ServerView } from '../../src/model/overview.ts';

/** A server as a door sees one that does well. */
export function serverView(given: Partial<ServerView> = {}): ServerView {
  return {
    ...{ id: 'aaaaaa', url: 'http://127.0.0.1:3001', host: 'web1', here: true, port: 3_001 },
    ...{ pid: 4_711, app: 'cat', version: '0.2.0', state: 'up', door: 'usable', reason: '' },
    ...{ startedAt: 1_000_000, requests: 100, rps: 12.4, p50Ms: 1.2, p99Ms: 8.9, errors: 0 },
    ...{ errorsPerSecond: 0, inflight: 2, rss: 64_000_000, cpu: 0.42, heap: 20_000_000 },
    ...{ loopMs: 1, restarts: 0, history: [0, 6, 12] },
    ...given,
  };
}

/** What a door sees of these. */
export function overviewOf(
  servers: readonly ServerView[],
  given: Partial<Overview> = {},
): Overview {
  return {
    at: 1_300_000,
    door: {
      ...{ id: 'dddddd', url: 'http://127.0.0.1:3000', host: 'web1', pid: 1 },
      ...{ startedAt: 0, version: '0.2.0' },
    },
    redis: { connected: true, since: null, latencyMs: 0.4 },
    totals: {
      ...{ servers: servers.length, up: servers.length, rps: 412, p50Ms: 1.2, p99Ms: 8.9 },
      ...{ errorsPerSecond: 0, inflight: 12, webSockets: 1, streams: 2, retriesPerSecond: 0 },
    },
    servers,
    doors: [{ id: 'dddddd', url: 'http://127.0.0.1:3000', host: 'web1', pid: 1, rps: 412 }],
    queue: { pictures: 3, bytes: 1_200_000, delivering: 0 },
    history: { rps: [0, 200, 412], p99Ms: [null, 4, 8] },
    ...given,
  };
}
