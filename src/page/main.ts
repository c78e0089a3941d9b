import type { FleetEvent } from '../model/event.ts';
import type { Overview } from '../model/overview.ts';
import type { StreamEvent } from '../overview/event-stream.ts';
import { milliseconds, rate } from '../overview/units.ts';
import { createChanges } from './changes/changes.ts';
import { type Api, createApi } from './connection/api.ts';
import { follow } from './connection/feed.ts';
import { takeToken } from './connection/token.ts';
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
  const api = createApi(token, () => showRights(api));
  showRights(api);
  const freshness = createFreshness(Date.now);
  const changes = createChanges(api, Date.now);
  const events = createEvents();
  const show = whileLookedAt(createView(api));
  const takers: Record<string, (value: unknown) => void> = {
    overview(value) {
      freshness.fresh();
      changes.see(value as Overview);
      show(value as Overview);
    },
    'fleet-event': (value) => events.add([value as FleetEvent]),
    change: (value) => changes.hear(value),
  };
  void follow(api, {
    onOpen: () => {
      void api.get('/events').then((value) => events.add(value as FleetEvent[]), ignore);
    },
    onLost: freshness.lost,
    onEvent: ({ name, data }: StreamEvent) => takers[name]?.(JSON.parse(data)),
  });
}

function showRights(api: Api): void {
  document.body.toggleAttribute('data-rights', api.hasRights());
  find(HTMLElement, '#rights').hidden = api.hasRights();
  find(HTMLElement, '#fleet-buttons').hidden = !api.hasRights();
}

function createView(api: Api): (overview: Overview) => void {
  const showVisits = createVisits(api);
  const parts = [createHeading(), createServers(), createDoors(), createQueue(api)];
  const rps = createChart({ name: 'rps', title: 'Requests per second', inWords: rate });
  const latency = createChart({ name: 'latency', title: 'Latency', inWords: milliseconds });
  return (overview) => {
    for (const show of parts) show(overview);
    rps.show(overview.history.rps);
    latency.show(overview.history.p99Ms);
    showVisits();
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

/** The stream itself tells when the door does not answer. */
function ignore(): void {}
