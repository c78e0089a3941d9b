import type { Exposition } from '../metrics/exposition/prometheus.ts';
import type { Door } from '../proxy/door.ts';
import type { OverviewCache } from './overview/overview-cache.ts';
import type { Reply } from './responses/reply.ts';
import type { Route } from './responses/router.ts';

interface Measured {
  readonly door: Pick<Door, 'servers' | 'listed' | 'figures'>;
  readonly overviews: Pick<OverviewCache, 'now'>;
}

/** `GET /metrics`, asked by address: Prometheus knows no other name. */
export function metricsRoute({ door, overviews }: Measured): Route {
  let loading: Promise<Exposition> | null = null;
  const answer = async (): Promise<Reply> => {
    loading ??= load();
    const [exposition, { overview }] = await Promise.all([loading, overviews.now()]);
    const body = await exposition.text({
      ...{ door: overview.door, queue: overview.queue, redis: overview.redis },
      counted: door.figures.snapshot(),
      servers: door.servers(),
      records: door.listed().map(({ record }) => record),
    });
    return { status: 200, body, headers: { 'Content-Type': exposition.contentType } };
  };
  return { path: '/metrics', methods: { GET: answer }, anyHost: true };
}

// Doors that nobody scrapes need not load it.
async function load(): Promise<Exposition> {
  const { createExposition } = await import('../metrics/exposition/prometheus.ts');
  return createExposition();
}
