import type { DoorRecord } from '../model/door-record.ts';
import type { Overview } from '../model/overview.ts';
import type { Door } from '../proxy/door.ts';
import { quote } from '../text.ts';
import type { OverviewCache, RenderedOverview } from './overview/overview-cache.ts';
import { publicWords } from './overview/public-view.ts';
import { takingQuery } from './responses/query.ts';
import { json, problem, type Reply } from './responses/reply.ts';
import type { Rights } from './responses/rights.ts';
import type { Handler, Route } from './responses/router.ts';

export type ShownDoor = Pick<
  Door,
  | 'id'
  | 'servers'
  | 'listed'
  | 'redisAwaySince'
  | 'figures'
  | 'poison'
  | 'ready'
  | 'requests'
  | 'workers'
>;

export interface Shown {
  readonly door: ShownDoor;
  readonly overviews: OverviewCache;
}

/** What can be looked at. */
export function readRoutes(shown: Shown): Route[] {
  const { door, overviews } = shown;
  return [
    { ...look('/healthz', () => json({ id: door.id, state: 'up' })), anyHost: true },
    { ...look('/readyz', () => readiness(door)), anyHost: true },
    look('/servers', ({ rights }) =>
      json(
        door.servers().map((server) => {
          return rights === 'all' ? server : { ...server, reason: publicWords(server.reason) };
        }),
      ),
    ),
    { ...look('/poison', () => json(door.poison())), needsToken: true },
    { ...look('/requests', requests(door)), needsToken: true },
    look('/overview', async ({ rights }) => asJson((await overviews.now()).text(rights))),
    look('/servers/:id', async ({ id, rights }) =>
      oneServer(id, (await overviews.now()).seenBy(rights)),
    ),
    look('/doors', async ({ rights }) => json(doorsSeenBy(rights, await overviews.now()))),
  ];
}

function look(path: string, handler: Handler): Route {
  return { path, methods: { GET: handler } };
}

/** The requests that had trouble, newest first: `?id=`, `?server=`. */
function requests({ requests: notes }: ShownDoor): Handler {
  return takingQuery(['id', 'server'], ({ query }) => {
    const [id, server] = [query.get('id'), query.get('server')];
    const wanted = { ...(id === null ? {} : { id }), ...(server === null ? {} : { server }) };
    return json(notes.find(wanted));
  });
}

function oneServer(id: string, { servers }: Overview): Reply {
  const server = servers.find((one) => one.id === id);
  return server ? json(server) : problem(404, `no server ${quote(id)}`, 'See GET /overview');
}

/** Each with what it says of each server. */
function doorsSeenBy(rights: Rights, { overview, doors }: RenderedOverview) {
  const records = new Map(doors.map((door) => [door.id, door]));
  return overview.doors.map((view) => {
    const { roster = {}, poison = [] } = records.get(view.id) ?? {};
    return rights === 'all'
      ? { ...view, roster, poison }
      : { ...view, roster: publicRoster(roster) };
  });
}

function publicRoster(roster: DoorRecord['roster']): DoorRecord['roster'] {
  const pairs = Object.entries(roster).map(([id, { state, reason }]) => {
    return [id, { state: publicWords(state), reason: publicWords(reason) }] as const;
  });
  return Object.fromEntries(pairs);
}

function readiness(door: ShownDoor): Reply {
  const ready = door.ready();
  return json({ ready }, ready ? 200 : 503);
}

function asJson(text: string): Reply {
  return { status: 200, body: `${text}\n` };
}
