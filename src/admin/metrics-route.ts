import type { Exposition } from '../metrics/exposition/prometheus.ts';
import type { Door } from '../proxy/door.ts';
import type { OverviewCache } from './overview/overview-cache.ts';
import type { Reply } from './responses/reply.ts';
import type { Route } from './responses/router.ts';

interface Measured {
  readonly door: Pick<Door, 'servers' | 'listed' | 'figures' | 'workers'>;
  readonly overviews: Pick<OverviewCache, 'now'>;
}

/** For how many times as long as it took to write, a text is good. */
const GOOD_TIMES = 4;

/** `GET /metrics`, asked by address: Prometheus knows no other name. */
export function metricsRoute(measured: Measured): Route {
  let loading: Promise<Exposition> | null = null;
  let known: Promise<Reply> | null = null;
  const forget = () => {
    known = null;
  };
  const write = async (): Promise<Reply> => {
    loading ??= load();
    const { reply, tookMs } = await replyOf(await loading, measured);
    setTimeout(forget, GOOD_TIMES * tookMs).unref();
    return reply;
  };
  // Anybody may ask, and of a thousand servers it is 300 ms of the door's time and 3 MB: whoever asks
  // meanwhile gets the same bytes.
  const answer = (): Promise<Reply> => {
    known ??= write().catch((error) => {
      forget();
      throw error;
    });
    return known;
  };
  return { path: '/metrics', methods: { GET: answer }, anyHost: true };
}

async function replyOf(exposition: Exposition, { door, overviews }: Measured) {
  const { overview } = await overviews.now();
  const beganMs = performance.now();
  const text = await exposition.text({
    ...{ door: overview.door, queue: overview.queue, redis: overview.redis },
    counted: door.figures.snapshot(),
    servers: door.servers(),
    workers: door.workers(),
    records: door.listed().map(({ record }) => record),
  });
  const headers = { 'Content-Type': exposition.contentType };
  const reply: Reply = { status: 200, body: Buffer.from(text), headers };
  return { reply, tookMs: performance.now() - beganMs };
}

// Doors that nobody scrapes need not load it.
async function load(): Promise<Exposition> {
  const { createExposition } = await import('../metrics/exposition/prometheus.ts');
  return createExposition();
}
