import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { Redis } from 'ioredis';
import type { ServerRecord } from '../../src/model/server-record.ts';
import { createDoor, type Door } from '../../src/proxy/door.ts';
import type { Answered } from '../../src/proxy/exchange/context.ts';
import { type DoorOptions, doorOptions } from '../../src/proxy/options.ts';
import { createSecureSide, type SecureOptions } from '../../src/proxy/secure-side.ts';
import type { KeptKey } from '../../src/proxy/sticky/key.ts';
import type { Store } from '../../src/store/store.ts';
import { startRedis, type TestRedis } from './redis.ts';
import { openStore, sampleRecord } from './store.ts';
import { until } from './until.ts';

export interface OpenDoor {
  readonly door: Door;
  readonly port: number;
  readonly url: string;
  readonly answers: Answered[];
  readonly lines: string[];
}

export interface TestServer {
  readonly id: string;
  readonly port: number;
  readonly server: Server;
  /** `GET /a`, in the order they came; health checks left out. */
  readonly seen: string[];
  readonly requests: IncomingMessage[];
  readonly sockets: Set<Socket>;
  say(over: Partial<ServerRecord>): Promise<void>;
  /** Stops renewing its lease. */
  silence(): void;
  /** Ends listener and connections, as a killed process does, and renews nothing more. */
  die(): Promise<void>;
}

type App = (request: IncomingMessage, response: ServerResponse) => void;

/** A fleet of hand-made servers in a real registry, and doors before it. */
export interface Fleet {
  readonly redis: TestRedis;
  readonly store: Store;
  serve(id: string, app?: App): Promise<TestServer>;
  /** A record for something that is not ours, with a lease that does not run out. */
  register(over: Partial<ServerRecord>): Promise<void>;
  /** Opens a door and waits until it can use `count` servers. */
  open(
    count: number,
    options?: Partial<DoorOptions>,
    stickyKey?: KeptKey | null,
    secure?: SecureOptions | null,
  ): Promise<OpenDoor>;
  /** Closes the doors and the servers, and forgets them. */
  clear(): Promise<void>;
  stop(): Promise<void>;
}

/** For doors whose tests are not about their limits: a machine may stand still for longer than those. */
export const PATIENT = {
  doorConnectMs: 60_000,
  probeTimeoutMs: 60_000,
  retryWindowMs: 600_000,
  retryFloor: 1_000,
} as const;

const BEAT_MS = 500;
const FAR_MS = 9e15;
/** Both ends are this process: a second in which it stands still must not look like a dead server. */
const PATIENT_MS = 60_000;

export async function startFleet(): Promise<Fleet> {
  const redis = await startRedis();
  const store = await openStore(redis.url);
  const raw = new Redis(redis.url);
  raw.on('error', () => {}); // its Redis is killed now and then
  const servers: TestServer[] = [];
  const doors: Door[] = [];
  const records = new Set<string>();

  const clear = async () => {
    for (const door of doors.splice(0)) {
      door.cut();
      await door.close(0);
    }
    for (const server of servers.splice(0)) await server.die();
    for (const id of records) await store.registry.forget(id).catch(() => {});
    records.clear();
  };

  return {
    redis,
    store,
    clear,
    async serve(id, app) {
      const server = await startServer(store, id, app);
      servers.push(server);
      records.add(id);
      return server;
    },
    async register(over) {
      const record = sampleRecord(over);
      records.add(record.id);
      await store.registry.register(record, null);
      await raw.zadd('{meow}:leases', FAR_MS, record.id);
    },
    async open(count, options = {}, stickyKey = null, secure = null) {
      const opened = await openDoor(store, options, stickyKey, secure);
      doors.push(opened.door);
      await until(`${count} usable servers`, () => usable(opened.door).length === count);
      return opened;
    },
    async stop() {
      await clear();
      raw.disconnect();
      await store.close();
      await redis.stop();
    },
  };
}

export function usable(door: Door): string[] {
  return door.servers().flatMap(({ id, state }) => (state === 'usable' ? [id] : []));
}

export function stateOf(door: Door, id: string): string | undefined {
  return door.servers().find((server) => server.id === id)?.state;
}

async function openDoor(
  store: Store,
  options: Partial<DoorOptions>,
  stickyKey: KeptKey | null,
  secure: SecureOptions | null,
): Promise<OpenDoor> {
  const answers: Answered[] = [];
  const lines: string[] = [];
  const log = (line: string) => lines.push(line);
  const door = createDoor(
    {
      registry: store.registry,
      pictures: store.images,
      stickyKey,
      machine: { host: 'here', pid: process.pid },
      onAnswer: (answered) => answers.push(answered),
      secure: secure && createSecureSide(secure, log),
      log,
    },
    doorOptions({ port: 0, doorConnectMs: PATIENT_MS, ...options }),
  );
  const port = await door.open();
  return { door, port, url: `${secure ? 'https' : 'http'}://127.0.0.1:${port}`, answers, lines };
}

async function startServer(store: Store, id: string, app: App = hello): Promise<TestServer> {
  const seen: string[] = [];
  const requests: IncomingMessage[] = [];
  const sockets = new Set<Socket>();
  let state: ServerRecord['state'] = 'up';
  const server = createServer({ keepAliveTimeout: 75_000 }, (request, response) => {
    if (request.url === '/healthz') return void response.end(JSON.stringify({ id, state }));
    seen.push(`${request.method} ${request.url}`);
    requests.push(request);
    response.setHeader('x-test-id', id);
    app(request, response);
  });
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const port = await listen(server);
  const say = async (over: Partial<ServerRecord>) => {
    state = over.state ?? state;
    await store.registry.beat(sampleRecord({ id, port, state, ...over }), null);
  };
  await say({});
  const beats = setInterval(() => say({}).catch(() => {}), BEAT_MS);
  const silence = () => clearInterval(beats);
  return {
    id,
    port,
    server,
    seen,
    requests,
    sockets,
    say,
    silence,
    async die() {
      silence();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function hello(request: IncomingMessage, response: ServerResponse): void {
  request.resume().once('end', () => response.end('hello'));
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}
