import type { Door } from '../proxy/door.ts';
import type { Lookout } from './lookout.ts';
import { publicWords } from './public-view.ts';
import { json, problem, type Reply } from './reply.ts';
import type { Asked, Handler, Route } from './router.ts';
import type { Viewers } from './viewers.ts';

export type ShownDoor = Pick<Door, 'id' | 'servers' | 'listed' | 'poison' | 'ready' | 'requests'>;

export interface Shown {
  readonly door: ShownDoor;
  readonly lookout: Lookout;
  readonly viewers: Viewers;
}

/** What can be looked at. */
export function lookingRoutes(shown: Shown): Route[] {
  const { door, lookout } = shown;
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
    { ...look('/requests', ({ query }) => json(requests(door, query))), needsToken: true },
    look('/overview', async ({ rights }) => asJson((await lookout.now()).text(rights))),
    look('/events', (asked) => events(shown, asked)),
  ];
}

function look(path: string, handler: Handler): Route {
  return { path, methods: { GET: handler } };
}

/** Those that had trouble, newest first: `?id=`, `?server=`. */
function requests({ requests: notes }: ShownDoor, query: URLSearchParams) {
  const [id, server] = [query.get('id'), query.get('server')];
  return notes.find({ ...(id === null ? {} : { id }), ...(server === null ? {} : { server }) });
}

function readiness(door: ShownDoor): Reply {
  const ready = door.ready();
  return json({ ready }, ready ? 200 : 503);
}

function asJson(text: string): Reply {
  return { status: 200, body: `${text}\n` };
}

/** As a stream for who wants one: an overview each second. */
async function events({ lookout, viewers }: Shown, asked: Asked): Promise<Reply | null> {
  const { response, request, rights } = asked;
  const wantsStream = request.headers.accept?.includes('text/event-stream');
  if (!wantsStream)
    return problem(406, 'only text/event-stream', 'Send `Accept: text/event-stream`');
  const now = await lookout.now();
  if (response.destroyed) return null;
  viewers.add(asked);
  viewers.tellOne(response, 'overview', now.text(rights));
  return null;
}
