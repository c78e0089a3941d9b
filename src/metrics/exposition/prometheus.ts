import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Metric, Registry } from 'prom-client';
import { doorSeries } from './door-series.ts';
import { processSeries } from './process-series.ts';
import type { Series } from './series.ts';
import { serverSeries } from './server-series.ts';
import type { Scraped } from './source.ts';

/** What Prometheus reads: a text, and what kind of text that is. */
export interface Exposition {
  readonly contentType: string;
  text(scraped: Scraped): Promise<string>;
}

/** Nothing is counted here: each scrape reads the numbers that the door keeps. */
export function createExposition(): Exposition {
  return {
    contentType: Registry.PROMETHEUS_CONTENT_TYPE,
    async text(scraped) {
      const registry = new Registry();
      const parts: string[] = [];
      for (const series of [...processSeries, ...doorSeries, ...serverSeries]) {
        registry.registerMetric(metricOf(series, scraped));
        parts.push(await registry.getSingleMetricAsString(series.name));
        // With a thousand servers all of it takes 150 ms: requests go on in between.
        await nextTurn();
      }
      return `${parts.join('\n')}\n`;
    },
  };
}

// All that a registry asks of a metric is `get`; those that prom-client has would count by themselves.
function metricOf({ read, ...about }: Series<Scraped>, scraped: Scraped): Metric<string> {
  const get = async () => ({ ...about, values: read(scraped) });
  return { ...about, get } as unknown as Metric<string>;
}
