import type { Overview } from '../../model/overview.ts';
import { count, milliseconds, rate, timeOfDay } from '../../overview/units.ts';
import { duration } from '../../time/duration.ts';
import { find, setText, setTone } from '../elements/find.ts';

/** The door, Redis and the totals, above all else. */
export function createHeading(): (overview: Overview) => void {
  const door = find(HTMLElement, '#door');
  const redis = find(HTMLElement, '#redis');
  const away = find(HTMLElement, '#redis-away');
  const outdated = find(HTMLElement, '#outdated');
  const showTotals = createTotals();
  const sinceWhen = createOutageClock();
  let version: string | null = null;

  return (overview) => {
    const { door: own, at } = overview;
    const seen = { ...overview.redis, since: sinceWhen(overview) };
    version ??= own.version;
    outdated.hidden = own.version === version;
    const age = duration(at - own.startedAt);
    setText(door, `${own.url} on ${own.host}, up ${age}, ${own.version}`);
    setTone(redis, seen.connected ? 'good' : 'bad');
    setText(redis, redisInShort(seen));
    setText(away, seen.connected ? '' : redisAway(seen));
    showTotals(overview);
  };
}

/** Since when Redis is away: as the door says, or else as this page saw it. */
function createOutageClock(): (overview: Overview) => number | null {
  let seenAt: number | null = null;
  return ({ redis, at }) => {
    seenAt = redis.connected ? null : (seenAt ?? at);
    return redis.since ?? seenAt;
  };
}

function redisInShort({ connected, since, latencyMs }: Overview['redis']): string {
  if (!connected) return since === null ? 'away' : `away since ${timeOfDay(since)}`;
  return latencyMs === null ? 'connected' : `connected, ${milliseconds(latencyMs)}`;
}

function redisAway({ since }: Overview['redis']): string {
  const when = since === null ? '' : ` since ${timeOfDay(since)}`;
  return `Redis is away${when}. The door goes on with the servers that it knew; what is changed now has to wait.`;
}

function createTotals(): (overview: Overview) => void {
  const figure = (name: string) => find(HTMLElement, `#totals [data-figure=${name}]`);
  const [servers, rps, p50, p99] = [figure('servers'), figure('rps'), figure('p50'), figure('p99')];
  const [errors, inflight, retries] = [figure('errors'), figure('inflight'), figure('retries')];
  const [webSockets, streams] = [figure('webSockets'), figure('streams')];
  return ({ totals }) => {
    setText(servers, `${totals.up} / ${totals.servers}`);
    setTone(servers, totals.up === 0 ? 'bad' : totals.up < totals.servers ? 'warn' : '');
    setText(rps, rate(totals.rps));
    setText(p50, milliseconds(totals.p50Ms));
    setText(p99, milliseconds(totals.p99Ms));
    setText(errors, rate(totals.errorsPerSecond));
    setTone(errors, (totals.errorsPerSecond ?? 0) > 0 ? 'bad' : '');
    setText(inflight, count(totals.inflight));
    setText(retries, rate(totals.retriesPerSecond));
    setTone(retries, (totals.retriesPerSecond ?? 0) > 0 ? 'warn' : '');
    setText(webSockets, count(totals.webSockets));
    setText(streams, count(totals.streams));
  };
}
