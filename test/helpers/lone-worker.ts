import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { type DoorOptions, doorOptions } from '../../src/proxy/options.ts';
import { HeldSocket } from '../../src/proxy/workers/held-socket.ts';
import type { FromWorker, ToWorker } from '../../src/proxy/workers/messages.ts';
import { PROTOCOL } from '../../src/proxy/workers/messages.ts';
import { Worker } from '../../src/proxy/workers/worker.ts';
import { until } from './until.ts';

/** A worker of a door whose primary is the test: what it says is heard, and answered or not. */
export interface LoneWorker {
  /** Where clients reach it. */
  readonly port: number;
  readonly told: readonly FromWorker[];
  hear(message: ToWorker): void;
  stop(): Promise<void>;
}

export interface LoneServer {
  readonly id: string;
  readonly app: RequestListener;
}

const LEASE_MS = 600_000;

/** @param hears what the primary does about what it is told */
export async function startLoneWorker(
  servers: readonly LoneServer[],
  options: Partial<DoorOptions> = {},
  hears: (message: FromWorker, worker: Pick<LoneWorker, 'hear'>) => void = () => {},
): Promise<LoneWorker> {
  const backends = await Promise.all(servers.map(listening));
  const told: FromWorker[] = [];
  const send = (message: FromWorker) => {
    told.push(message);
    hears(message, { hear });
  };
  const worker = new Worker({ primary: { send }, secureSide: null, onAnswer() {}, log() {} });
  const hear = (message: ToWorker) => worker.hear(message, undefined);
  hear({
    ...{ do: 'start', protocol: PROTOCOL, id: 'dddddd', stickyNamespace: 'meow' },
    ...{ accessLog: false, suspects: [], options: doorOptions({ port: 0, ...options }) },
  });
  const listed = backends.map(({ id, url }) => ({
    record: { id, url, state: 'up' as const },
    leaseLeftMs: LEASE_MS,
  }));
  hear({ do: 'view', seq: 1, servers: listed, stickyKey: 'a key', started: true });
  const door = new HeldSocket();
  const port = await portOf(door);
  worker.hear({ do: 'accept', most: 1_000 }, door.handle ?? undefined);
  await until('it listens', () => told.some(({ is }) => is === 'listening'));
  return {
    ...{ port, told, hear },
    async stop() {
      worker.cut();
      for (const { server } of backends) {
        server.closeAllConnections();
        server.close();
      }
    },
  };
}

async function listening({ id, app }: LoneServer) {
  const server = createServer((request, response) => {
    if (request.url === '/healthz') response.end(JSON.stringify({ id, state: 'up' }));
    else app(request, response);
  });
  return { id, server, url: `http://127.0.0.1:${await portOf(server)}` };
}

function portOf(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.once('listening', () => resolve((server.address() as AddressInfo).port));
    server.listen({ host: '127.0.0.1', port: 0 });
  });
}
