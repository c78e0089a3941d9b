import { createServer, type Server } from 'node:http';
import { Server as NetServer } from 'node:net';
import { defaults } from '../config.ts';
import { FailedError, StoreError } from '../errors.ts';
import type { BeatReply, Intent, ServerRecord, Store } from '../store/types.ts';
import { reason } from '../text.ts';
import { createApp } from './app.ts';
import { trackConnections } from './connections.ts';
import { createDeliveries } from './deliveries.ts';
import { listen } from './listen.ts';
import { retire } from './retire.ts';

export interface ServeOptions {
  readonly id: string;
  readonly app: string;
  readonly version: string;
  readonly listenHost: string;
  readonly fixedPort: number | null;
  readonly advertise: string | null;
  readonly machine: Pick<ServerRecord, 'host' | 'bootId' | 'pid' | 'pidStart'>;
  /** Spawned servers are wanted: they write an intent. */
  readonly spawned: boolean;
  readonly drainMs: number;
}

export interface ServeDeps {
  readonly store: Store;
  log(line: string): void;
}

export interface RunningServer {
  record(): ServerRecord;
  /** Leaves in order; runs once. */
  retire(drainMs: number): Promise<void>;
  /** Cuts a leave short. */
  cut(): void;
  readonly ended: Promise<'retired' | 'cut'>;
}

/**
 * One server's life: listen, check itself, register, beat, and leave when it is told to.
 * @throws FailedError when it cannot listen, StoreError when it cannot register
 */
export async function serve(deps: ServeDeps, options: ServeOptions): Promise<RunningServer> {
  const life = createLife(deps, options);
  try {
    await life.start();
  } catch (error) {
    life.server.close();
    life.server.closeAllConnections();
    throw error;
  }
  return life;
}

function createLife({ store, log }: ServeDeps, options: ServeOptions) {
  const { id, machine } = options;
  const deliveries = createDeliveries(store.images);
  const startedAt = Date.now();
  const cutting = new AbortController();
  let state: 'up' | 'draining' = 'up';
  let port = 0;
  let leaving: Promise<void> | null = null;
  let timer: NodeJS.Timeout | undefined;
  let unwatch = () => {};
  let settle: (how: 'retired' | 'cut') => void = () => {};
  const ended = new Promise<'retired' | 'cut'>((resolve) => {
    settle = resolve;
  });
  const app = createApp({ store, deliveries, log }, { id, port: () => port, state: () => state });
  const server = createHttpServer();
  const connections = trackConnections(server);
  server.on('request', app.callback());

  const url = () => `http://${bracket(options.advertise ?? reachable(options.listenHost))}:${port}`;
  const record = (): ServerRecord => ({
    id,
    url: url(),
    ...machine,
    port,
    app: options.app,
    version: options.version,
    state,
    startedAt,
    requests: connections.requests(),
    inflight: connections.inflight(),
  });
  const intent = (): Intent | null => (options.spawned ? toIntent(record(), options) : null);

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
    await deliveries.renew();
    await store.images.requeueExpired().catch(reason);
    if (!leaving) timer = setTimeout(round, nextBeatMs());
  };

  const leave = (drainMs: number): Promise<void> => {
    leaving ??= leaveOnce(drainMs);
    return leaving;
  };

  const leaveOnce = async (drainMs: number): Promise<void> => {
    state = 'draining';
    clearTimeout(timer);
    const renewing = setInterval(() => void beat().then(deliveries.renew), defaults.beatMs);
    // http's own close() would also end idle connections, and those of a door are the door's to end.
    const stopListening = () => NetServer.prototype.close.call(server);
    await retire({ connections, look: beat, stopListening, cut: cutting.signal }, drainMs);
    clearInterval(renewing);
    unwatch();
    await store.registry.deregister(id).catch((error) => log(reason(error)));
    settle(cutting.signal.aborted ? 'cut' : 'retired');
  };

  return {
    server,
    ended,
    record,
    retire: leave,
    cut: () => cutting.abort(),
    async start(): Promise<void> {
      const { listenHost: host, fixedPort } = options;
      port = await listen(server, { host, fixedPort, firstPort: defaults.firstServerPort });
      await checkItself(`http://${bracket(reachable(host))}:${port}/healthz`, id);
      await store.registry.register(record(), intent());
      unwatch = await store.registry.watch((changed) => {
        if (changed === id || changed === null) void beat();
      });
      timer = setTimeout(round, nextBeatMs());
    },
  };
}

function createHttpServer(): Server {
  return createServer({
    keepAliveTimeout: defaults.serverKeepAliveMs,
    headersTimeout: defaults.clientHeaderMs,
    requestTimeout: defaults.clientRequestMs,
    maxHeaderSize: defaults.maxHeaderBytes,
    connectionsCheckingInterval: 1_000,
  });
}

function toIntent(record: ServerRecord, options: ServeOptions): Intent {
  const { app, host, bootId, pid, pidStart, port } = record;
  const { fixedPort, listenHost, advertise } = options;
  const asked = { fixedPort: fixedPort !== null, listenHost, advertise };
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

/** Somebody else might answer at that address: only our own id will do. */
async function checkItself(url: string, id: string): Promise<void> {
  const { get } = await import('node:http');
  const text = await new Promise<string>((resolve, reject) => {
    const request = get(url, { agent: false, timeout: defaults.probeTimeoutMs }, (answer) => {
      let body = '';
      answer.setEncoding('utf8').on('data', (chunk) => {
        body += chunk;
      });
      answer.once('end', () => resolve(body));
    });
    request.once('error', reject);
    request.once('timeout', () => request.destroy(new Error('no answer')));
  }).catch(reason);
  if (text.includes(`"id":"${id}"`)) return;
  throw new FailedError('self-check', `${url} does not answer as ${id}: ${text}`, 'See its log');
}
