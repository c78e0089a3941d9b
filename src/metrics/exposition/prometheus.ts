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
  const registry = new Registry();
  let current: Scraped | null = null;
  for (const series of [...processSeries, ...doorSeries, ...serverSeries]) {
    registry.registerMetric(metricOf(series, () => current));
  }
  return {
    contentType: registry.contentType,
    text(scraped) {
      current = scraped;
      return registry.metrics();
    },
  };
}

// All that a registry asks of a metric is `get`; those that prom-client has would count by themselves.
function metricOf(
  { read, ...about }: Series<Scraped>,
  current: () => Scraped | null,
): Metric<string> {
  const get = async () => {
    const scraped = current();
    return { ...about, values: scraped ? read(scraped) : [] };
  };
  return { ...about, get } as unknown as Metric<string>;
}
