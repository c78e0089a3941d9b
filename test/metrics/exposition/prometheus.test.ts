import { expect, test } from 'vitest';
import { createDoorFigures } from '../../../src/metrics/door-figures.ts';
import { createExposition } from '../../../src/metrics/exposition/prometheus.ts';
import { parseMetrics } from '../../helpers/scrape.ts';

const KEEP_MS = 300_000;
const clock = { ms: 0 };
const figures = createDoorFigures(
  { figuresKeepMs: KEEP_MS, maxPoolServers: 1_000 },
  () => clock.ms,
);
const exposition = createExposition();

async function scrape(redis: { since: number | null; latencyMs: number | null }) {
  const text = await exposition.text({
    door: { id: 'door', version: '1.2.3' },
    counted: figures.snapshot(),
    servers: [],
    records: [],
    queue: redis.since === null ? { pictures: 2, bytes: 300, delivering: 1 } : null,
    redis: { connected: redis.since === null, ...redis },
  });
  return { text, all: parseMetrics(text) };
}

const here = { since: null, latencyMs: 1.5 };

test('of a thousand servers that came and went no line is left after a while, and their requests are in the totals', async () => {
  for (let at = 0; at < 1_000; at += 1) {
    figures.answered(figures.tally(`s${at}`), 200, 3);
    figures.left(`s${at}`);
  }
  const seen = await scrape(here);
  expect(
    [...seen.all.keys()].filter((name) => name.includes('server="s7"')).length,
  ).toBeGreaterThan(30);
  // Its lines are written in several goes.
  const heads = seen.text.match(/^# TYPE meowctl_server_request_duration_seconds .*$/gm);
  expect(heads).toEqual(['# TYPE meowctl_server_request_duration_seconds histogram']);
  expect(seen.text).not.toContain('\n\n');
  expect(seen.all.get('meowctl_server_request_duration_seconds_count{server="s999"}')).toBe(1);
  const before = seen.all.get('meowctl_requests_total{code="2xx"}');
  clock.ms += KEEP_MS;
  figures.turn();
  const { text, all } = await scrape(here);
  expect(text).not.toContain('server="s');
  expect(before).toBe(1_000);
  expect(all.get('meowctl_requests_total{code="2xx"}')).toBe(1_000);
  expect(all.get('meowctl_request_duration_seconds_bucket{le="0.0025"}')).toBe(0);
  expect(all.get('meowctl_request_duration_seconds_bucket{le="0.005"}')).toBe(1_000);
  expect(all.get('meowctl_request_duration_seconds_sum')).toBeCloseTo(3);
});

test('while Redis is away since when is told, and nothing of the queue', async () => {
  const { all } = await scrape(here);
  expect(all.get('meowctl_queue_pictures')).toBe(2);
  expect(all.get('meowctl_redis_last_command_duration_seconds')).toBe(0.0015);
  expect(all.has('meowctl_redis_away_since_timestamp_seconds')).toBe(false);
  const away = (await scrape({ since: 1_700_000_000_000, latencyMs: null })).all;
  expect(away.get('meowctl_redis_connected')).toBe(0);
  expect(away.get('meowctl_redis_away_since_timestamp_seconds')).toBe(1_700_000_000);
  expect(away.has('meowctl_queue_pictures')).toBe(false);
  expect(away.has('meowctl_redis_last_command_duration_seconds')).toBe(false);
});
