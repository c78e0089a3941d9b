import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Metric, Registry } from 'prom-client';
import { doorSeries } from './door-series.ts';
import { processSeries } from './process-series.ts';
import type { Sample, Series } from './series.ts';
import { serverSeries } from './server-series.ts';
import type { Scraped } from './source.ts';

/** What Prometheus reads: a text, and what kind of text that is. */
export interface Exposition {
  readonly contentType: string;
  text(scraped: Scraped): Promise<string>;
}

/** Lines that are written in one go. */
const AT_ONCE = 500;
/** What stands above the lines of a series: once, however many goes they take. */
const HEAD = /^(?:# .*\n)+/;

/** Nothing is counted here: each scrape reads the numbers that the door keeps. */
export function createExposition(): Exposition {
  return {
    contentType: Registry.PROMETHEUS_CONTENT_TYPE,
    async text(scraped) {
      const parts: string[] = [];
      for (const series of [...processSeries, ...doorSeries, ...serverSeries]) {
        const samples = series.read(scraped);
        for (let at = 0; at === 0 || at < samples.length; at += AT_ONCE) {
          const text = await textOf(series, samples.slice(at, at + AT_ONCE));
          parts.push(at === 0 ? text : text.replace(HEAD, ''));
          // With a thousand servers all of it takes 150 ms, and no piece over 25: requests go on in between.
          await nextTurn();
        }
      }
      return `${parts.join('\n')}\n`;
    },
  };
}

function textOf(series: Series<Scraped>, samples: readonly Sample[]): Promise<string> {
  const registry = new Registry();
  registry.registerMetric(metricOf(series, samples));
  return registry.getSingleMetricAsString(series.name);
}

// All that a registry asks of a metric is `get`; those that prom-client has would count by themselves.
function metricOf(
  { read: _, ...about }: Series<Scraped>,
  values: readonly Sample[],
): Metric<string> {
  const get = async () => ({ ...about, values });
  return { ...about, get } as unknown as Metric<string>;
}
