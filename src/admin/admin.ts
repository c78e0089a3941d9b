import type { Server } from 'node:http';
import { Server as NetServer } from 'node:net';
import type { LingerLimits } from '../http/early-close.ts';
import { listen, type OpenSocket, OTHER_PORT } from '../listen.ts';
import type { FleetEvent } from '../model/event.ts';
import { changeRoutes, type FleetVerbs } from './changes/change-routes.ts';
import { ChangeList } from './changes/changes.ts';
import { EventFeed } from './event-feed.ts';
import { eventRoutes, eventSeenBy } from './event-routes.ts';
import { metricsRoute } from './metrics-route.ts';
import type { OverviewSource } from './overview/overview.ts';
import { OverviewCache, type ShownStore } from './overview/overview-cache.ts';
import { pageRoutes } from './page-files.ts';
import { queueRoutes } from './queue-routes.ts';
import { readRoutes, type ShownDoor } from './read-routes.ts';
import { createListener, type ListenerLimits } from './responses/listener.ts';
import { type Answering, answer, refuse } from './responses/response.ts';
import type { AccessRules } from './responses/rights.ts';
import { merged } from './responses/router.ts';
import { type ViewerLimits, Viewers } from './viewers.ts';

/** What the admin listener shows, and what may be done through it. */
export interface Watched extends Pick<OverviewSource, 'about' | 'isHere'> {
  readonly door: ShownDoor;
  readonly store: ShownStore;
  readonly verbs: FleetVerbs;
  log(line: string): void;
}

export interface AdminOptions extends ListenerLimits, LingerLimits, ViewerLimits, AccessRules {
  readonly port: number;
  /** A socket that listens there already. */
  readonly open?: OpenSocket | undefined;
  /** Where the page's files are. */
  readonly pageFolder: string;
  readonly overviewMs: number;
  readonly maxSpawnCount: number;
  readonly maxPicturePixels: number;
}

export interface Admin {
  /** What listens; it may be handed over. */
  readonly socket: Server;
  listen(): Promise<void>;
  /** Interrupts what is being changed, and waits until it has ended. */
  stopChanges(): Promise<void>;
  /** Somebody else listens: no more connections, and event streams end, to be opened there. */
  leave(): void;
  close(): void;
}

/** The door's second listener: it shows the fleet, and changes it for whoever has the token. */
export function createAdmin(watched: Watched, options: AdminOptions): Admin {
  const { door, store, log } = watched;
  const overviews = new OverviewCache(
    { ...watched, source: { ...watched, ...door } },
    options.overviewMs,
  );
  const viewers = new Viewers(options, (any) => (any ? look() : rest()));
  const feed = new EventFeed(store.events, (event) => tellEvent(viewers, event), log);
  const look = () => {
    overviews.start((made) => viewers.tell('overview', (rights) => made.text(rights)));
    feed.start();
  };
  const rest = () => {
    overviews.stop();
    feed.stopSoon();
  };
  const changes = new ChangeList({
    ...{ host: watched.about.host, log },
    onChange: (change) => viewers.tell('change', (rights) => ofAll(rights, change)),
  });
  const routes = merged([
    ...readRoutes({ door, overviews }),
    ...eventRoutes({ overviews, viewers, events: store.events }),
    ...queueRoutes(store, options.maxPicturePixels),
    metricsRoute({ door, overviews }),
    ...changeRoutes(watched.verbs, changes, options.maxSpawnCount),
    ...pageRoutes(options.pageFolder),
  ]);
  const answering: Answering = { routes, options, log };
  const server = createListener(options, (request, response, refused) => {
    if (refused) refuse(answering, request, response, refused);
    else void answer(answering, request, response);
  });
  return {
    socket: server,
    async listen() {
      await listen(server, options, OTHER_PORT);
    },
    stopChanges: () => changes.stop(),
    leave: () => leave(server, viewers),
    close() {
      overviews.stop();
      feed.stop();
      server.close();
      server.closeAllConnections();
    },
  };
}

function leave(server: Server, viewers: Viewers): void {
  NetServer.prototype.close.call(server);
  // The next answer on each connection says that it is the last.
  server.maxRequestsPerSocket = 1;
  viewers.end();
}

function tellEvent(viewers: Viewers, event: FleetEvent): void {
  viewers.tell('fleet-event', (rights) => JSON.stringify(eventSeenBy(rights, event)), event.id);
}

/** For those alone who have the token. */
function ofAll(rights: 'all' | 'figures', value: unknown): string | null {
  return rights === 'all' ? JSON.stringify(value) : null;
}
