import type { Change } from '../model/change.ts';
import type { Overview } from '../model/overview.ts';
import type { StreamEvent } from '../overview/event-stream.ts';
import { parseOverview } from '../overview/parse-overview.ts';
import { milliseconds, rate } from '../overview/units.ts';
import { createChangeControls } from './changes/changes.ts';
import { type Api, createApi } from './connection/api.ts';
import { follow } from './connection/feed.ts';
import { beginAnewWithToken, takeToken } from './connection/token.ts';
import { find } from './elements/find.ts';
import { createChart } from './parts/chart.ts';
import { createDoors } from './parts/doors.ts';
import { createEvents } from './parts/events.ts';
import { createFreshness } from './parts/freshness.ts';
import { createHeading } from './parts/heading.ts';
import { createQueue } from './parts/queue.ts';
import { createServers } from './parts/servers.ts';
import { createVisits } from './parts/visits.ts';

open();

/** The page: what it shows comes from one stream of the door that served it. */
function open(): void {
  const token = takeToken(window);
  beginAnewWithToken(window);
  const api = createApi(token, () => showRights(api));
  const freshness = createFreshness(Date.now);
  const takers: Record<string, (data: string) => void> = {};
  const [events, changes] = [createEvents(), createChangeControls(api)];
  // What happened while nothing was heard. Where the door does not answer, its stream tells.
  const catchUp = () => {
    void Promise.allSettled([api.get('/events').then(events.add), changes.catchUp()]);
  };
  // It is asked for first: the rest is made while the answer is on its way.
  void follow(api, {
    onOpen: catchUp,
    onLost: freshness.lost,
    onEvent: ({ name, data }: StreamEvent) => takers[name]?.(data),
  });
  showRights(api);
  const show = whileLookedAt(createView(api));
  const hasRedisAgain = createRising();
  Object.assign(takers, {
    overview(data: string) {
      const overview = parseOverview(data);
      if (!overview) return sayOutdated();
      freshness.fresh();
      changes.see(overview);
      events.seenFrom(overview.door.host);
      show(overview);
      if (hasRedisAgain(overview.redis.connected)) catchUp();
    },
    'fleet-event': (data: string) => events.add([JSON.parse(data)]),
    change: (data: string) => changes.hear(JSON.parse(data) as Change),
  });
}

/** Its door was replaced by one of another version, which tells things in other words. */
function sayOutdated(): void {
  find(HTMLElement, '#outdated').hidden = false;
}

function showRights(api: Api): void {
  document.body.toggleAttribute('data-rights', api.hasRights());
  find(HTMLElement, '#rights').hidden = api.hasRights();
  find(HTMLElement, '#fleet-buttons').hidden = !api.hasRights();
}

function createView(api: Api): (overview: Overview) => void {
  const showVisits = createVisits(api);
  const showCharts = afterFirstPaint(createCharts);
  const parts = [createHeading(), createServers(), createDoors(), createQueue(api)];
  return (overview) => {
    for (const show of parts) show(overview);
    showCharts(overview);
    showVisits();
  };
}

function createCharts(): (overview: Overview) => void {
  const rps = createChart({ name: 'rps', title: 'Requests per second', inWords: rate });
  const latency = createChart({ name: 'latency', title: 'Latency', inWords: milliseconds });
  return ({ history }) => {
    rps.show(history.rps);
    latency.show(history.p99Ms);
  };
}

/** What costs most to make comes when what matters most is there to be read. */
function afterFirstPaint(create: () => (overview: Overview) => void): (overview: Overview) => void {
  let latest: Overview | null = null;
  let show: ((overview: Overview) => void) | null = null;
  return (overview) => {
    if (show) return show(overview);
    const isFirst = latest === null;
    latest = overview;
    if (!isFirst) return;
    requestAnimationFrame(() =>
      setTimeout(() => {
        show = create();
        if (latest) show(latest);
      }),
    );
  };
}

/** Nothing is drawn while nobody looks; what came last is, when somebody does. */
function whileLookedAt(show: (overview: Overview) => void): (overview: Overview) => void {
  let missed: Overview | null = null;
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden && missed) show(missed);
    missed = null;
  });
  return (overview) => {
    if (document.hidden) missed = overview;
    else show(overview);
  };
}

/** Whether something holds that did not hold when it was asked last. */
function createRising(): (holds: boolean) => boolean {
  let held = true;
  return (holds) => {
    const isNew = holds && !held;
    held = holds;
    return isNew;
  };
}
