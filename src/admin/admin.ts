import type { LingerLimits } from '../http/early-close.ts';
import { listen, OTHER_PORT } from '../listen.ts';
import { type Answering, answer, refuse } from './answer.ts';
import { Changes } from './changes.ts';
import { changingRoutes, type FleetVerbs } from './changing-routes.ts';
import { createListener, type ListenerLimits } from './listener.ts';
import { lookingRoutes, type ShownDoor } from './looking-routes.ts';
import { Lookout, type LookoutDeps } from './lookout.ts';
import type { OverviewSource } from './overview.ts';
import { pageRoutes } from './page-files.ts';
import type { AccessRules } from './rights.ts';
import { merged } from './router.ts';
import { type ViewerLimits, Viewers } from './viewers.ts';

/** What the admin listener shows, and what may be done through it. */
export interface Watched
  extends Pick<OverviewSource, 'about' | 'isHere' | 'redis'>,
    Pick<LookoutDeps, 'around' | 'log'> {
  readonly door: ShownDoor;
  readonly verbs: FleetVerbs;
}

export interface AdminOptions extends ListenerLimits, LingerLimits, ViewerLimits, AccessRules {
  readonly port: number;
  /** Where the page's files are. */
  readonly pageFolder: string;
  readonly overviewMs: number;
  readonly maxSpawnCount: number;
}

export interface Admin {
  listen(): Promise<void>;
  /** Interrupts what is being changed, and waits until it has ended. */
  stopChanges(): Promise<void>;
  close(): void;
}

/** The door's second listener: it shows the fleet, and changes it for whoever has the token. */
export function createAdmin(watched: Watched, options: AdminOptions): Admin {
  const { host, port } = options;
  const { door, log } = watched;
  const lookout = new Lookout({ ...watched, source: { ...watched, ...door } }, options.overviewMs);
  const viewers = new Viewers(options, (any) => {
    if (!any) return lookout.stop();
    lookout.start((made) => viewers.tell('overview', (rights) => made.text(rights)));
  });
  const changes = new Changes({
    ...{ host: watched.about.host, log },
    onChange: (change) => viewers.tell('change', (rights) => ofAll(rights, change)),
  });
  const routes = merged([
    ...lookingRoutes({ door, lookout, viewers }),
    ...changingRoutes(watched.verbs, changes, options.maxSpawnCount),
    ...pageRoutes(options.pageFolder),
  ]);
  const answering: Answering = { routes, options, log };
  const server = createListener(options, (request, response, refused) => {
    if (refused) refuse(answering, request, response, refused);
    else void answer(answering, request, response);
  });
  return {
    async listen() {
      await listen(server, { host, port }, OTHER_PORT);
    },
    stopChanges: () => changes.stop(),
    close() {
      lookout.stop();
      server.close();
      server.closeAllConnections();
    },
  };
}

/** For those alone who have the token. */
function ofAll(rights: 'all' | 'figures', value: unknown): string | null {
  return rights === 'all' ? JSON.stringify(value) : null;
}
