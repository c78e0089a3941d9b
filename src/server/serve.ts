import { Server as NetServer } from 'node:net';
import { defaults } from '../config.ts';
import { FailedError, StoreError } from '../errors.ts';
import { nameOfApp } from '../store/app-spec.ts';
import type { AppSpec, BeatReply, Intent, ServerRecord, Store } from '../store/types.ts';
import { reason } from '../text.ts';
import { hostCat } from './cat.ts';
import { createFront } from './front.ts';
import { HEALTH_PATH } from './health.ts';
import type { CreateHosted } from './hosted.ts';
import { listen } from './listen.ts';
import { retire } from './retire.ts';
import { checkItself } from './self-check.ts';

export interface ServeOptions {
  readonly id: string;
  readonly spec: AppSpec;
  readonly version: string;
  readonly listenHost: string;
  readonly fixedPort: number | null;
  /** Where to look for a free port from; the default when null. */
  readonly firstPort: number | null;
  /** The id of the server, gone by now, whose place it takes. */
  readonly replaces: string | null;
  readonly advertise: string | null;
  readonly machine: Pick<ServerRecord, 'host' | 'bootId' | 'pid' | 'pidStart'>;
  /** Spawned servers are wanted: they write an intent. */
  readonly spawned: boolean;
  readonly drainMs: number;
  /** How long a client may take to send its request; 300 s when left out. */
  readonly requestMs?: number;
}

export interface ServeDeps {
  readonly store: Store;
  /** What it serves, when not the built-in app. */
  readonly host?: CreateHosted;
  log(line: string): void;
}

export interface RunningServer {
  record(): ServerRecord;
  /** Leaves in order; runs once. */
  retire(drainMs: number): Promise<void>;
  /** Cuts a leave short. */
  cut(): void;
  readonly ended: Promise<Ending>;
}

/** `died`: its app ended by itself. */
type Ending = 'retired' | 'cut' | 'died';

/**
 * One server's life: listen, check itself, register, beat, and leave when it is told to.
 * @throws FailedError when it cannot listen, StoreError when it cannot register
 */
export async function serve(deps: ServeDeps, options: ServeOptions): Promise<RunningServer> {
  const life = createLife(deps, options);
  try {
    await life.start();
  } catch (error) {
    await life.abandon();
    throw error;
  }
  return life;
}

function createLife(
  { store, log, host = hostCat({ store, log }) }: ServeDeps,
  options: ServeOptions,
) {
  const { id, machine, spec } = options;
  const healthPath = (spec.kind === 'program' ? null : spec.health) ?? HEALTH_PATH;
  const startedAt = Date.now();
  const cutting = new AbortController();
  let state: 'up' | 'draining' = 'up';
  let port = 0;
  let leaving: Promise<void> | null = null;
  let timer: NodeJS.Timeout | undefined;
  let unwatch = () => {};
  let served = false;
  let settle: (how: Ending) => void = () => {};
  const ended = new Promise<Ending>((resolve) => {
    settle = resolve;
  });
  const identity = { id, port: () => port, state: () => state };
  const hosted = host(identity);
  const { server, connections } = createFront(hosted, identity, {
    healthPath,
    requestMs: options.requestMs ?? defaults.clientRequestMs,
  });

  const url = () => `http://${bracket(options.advertise ?? reachable(options.listenHost))}:${port}`;
  const record = (): ServerRecord => ({
    id,
    url: url(),
    ...machine,
    port,
    app: nameOfApp(spec),
    version: options.version,
    state,
    startedAt,
    requests: connections.requests(),
    inflight: connections.inflight(),
    ...(healthPath === HEALTH_PATH ? {} : { health: healthPath }),
  });
  const intent = (): Intent | null => (options.spawned ? toIntent(record(), options) : null);

  const register = async (): Promise<void> => {
    const wanted = intent();
    if (options.replaces === null || wanted === null) {
      return store.registry.register(record(), wanted);
    }
    const taken = await store.intents.succeed(options.replaces, record(), wanted);
    if (!taken) throw notWanted(options.replaces);
    await beat();
  };

  const beat = async (): Promise<BeatReply | null> => {
    try {
      const reply = await store.registry.beat(record(), state === 'up' ? intent() : null);
      if (reply.order) void leave(reply.order.drainMs);
      return reply;
    } catch (error) {
      if (error instanceof StoreError) return null; // said by the store; the next beat tries again
      throw error;
    }
  };

  const round = async () => {
    await beat();
    await hosted.beat?.();
    if (!leaving) timer = setTimeout(round, nextBeatMs());
  };

  const leave = (drainMs: number): Promise<void> => {
    leaving ??= leaveOnce(drainMs);
    return leaving;
  };

  const leaveOnce = async (drainMs: number): Promise<void> => {
    state = 'draining';
    clearTimeout(timer);
    const renewing = setInterval(() => void beat().then(hosted.beat), defaults.beatMs);
    await retire({ connections, look: beat, stopListening, cut: cutting.signal }, drainMs);
    served = true;
    await hosted.stop?.(cutting.signal.aborted ? 0 : defaults.termGraceMs);
    clearInterval(renewing);
    unwatch();
    await store.registry.deregister(id).catch((error) => log(reason(error)));
    settle(cutting.signal.aborted ? 'cut' : 'retired');
  };

  const leaveDead = async (why: string): Promise<void> => {
    log(why);
    if (leaving) return;
    leaving = ended.then(() => {});
    clearTimeout(timer);
    unwatch();
    stopListening();
    connections.cut();
    await store.registry.deregister(id, 'died').catch((error) => log(reason(error)));
    settle('died');
  };

  // http's own close() would also end idle connections, and those of a door are the door's to end.
  const stopListening = () => NetServer.prototype.close.call(server);

  return {
    ended,
    record,
    retire: leave,
    cut() {
      cutting.abort();
      if (served) void hosted.stop?.(0);
    },
    async abandon(): Promise<void> {
      server.close();
      server.closeAllConnections();
      await hosted.stop?.(defaults.termGraceMs);
    },
    async start(): Promise<void> {
      const { listenHost: host, fixedPort, firstPort } = options;
      const from = firstPort ?? defaults.firstServerPort;
      port = await listen(server, { host, fixedPort, firstPort: from });
      await hosted.start?.(port);
      await checkItself(`http://${bracket(reachable(host))}:${port}${healthPath}`, id);
      await register();
      unwatch = await store.registry.watch((changed) => {
        if (changed === id || changed === null) void beat();
      });
      timer = setTimeout(round, nextBeatMs());
      void hosted.died?.then(leaveDead);
    },
  };
}

function notWanted(oldId: string): FailedError {
  const message = `server ${oldId} is no longer wanted, or has been replaced already`;
  return new FailedError('replaced', message, 'See `meowctl listservers`');
}

function toIntent(record: ServerRecord, options: ServeOptions): Intent {
  const { app, host, bootId, pid, pidStart, port } = record;
  const { spec, fixedPort, listenHost, advertise } = options;
  const asked = { spec, fixedPort: fixedPort !== null, listenHost, advertise };
  return { app, host, bootId, pid, pidStart, port, ...asked, state: 'wanted' };
}

function nextBeatMs(): number {
  return defaults.beatMs * (1 + defaults.beatJitter * (2 * Math.random() - 1));
}

function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}

function bracket(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
