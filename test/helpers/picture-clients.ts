import type { IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { expect } from 'vitest';
import { catApp } from '../../src/cats/cat-app.ts';
import { defaults } from '../../src/defaults.ts';
import { catSpec } from '../../src/model/app-spec.ts';
import type { RunningServer } from '../../src/server/options.ts';
import { serve } from '../../src/server/serve.ts';
import type { Fleet } from './door-fleet.ts';
import { until } from './until.ts';

const KEPT_MS = 5_000;

/** Takes the picture of a request and counts it as delivered, as a server does. */
export async function take({ store }: Fleet, request: IncomingMessage): Promise<void> {
  const { images } = store;
  const token = String(request.headers['meow-attempt']);
  const got = await until('there is one', () => images.claim(token));
  expect(await images.acknowledge(got.id, got.claim, KEPT_MS)).toBe(true);
}

/** Asks for a picture, and resets the connection when told. */
export function leaver(port: number, whenToLeave: (socket: Socket) => void): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write('GET /meow HTTP/1.1\r\nHost: a\r\n\r\n');
      whenToLeave(socket);
    });
    socket.on('error', () => {}).resume();
    socket.once('close', () => resolve());
  });
}

/** Clients that leave at any moment of the first milliseconds, four at once. */
export async function manyLeavers(port: number, count: number, withinMs: number): Promise<void> {
  for (let at = 0; at < count; at += 4) {
    const four = [0, 1, 2, 3].map((step) => ((at + step) * 0.7) % withinMs);
    const leaves = (ms: number) => (socket: Socket) =>
      void setTimeout(() => socket.resetAndDestroy(), ms);
    await Promise.all(four.map((ms) => leaver(port, leaves(ms))));
  }
}

/** Three servers of the built-in app. */
export function serveThreeCats({ store }: Fleet): Promise<RunningServer[]> {
  const machine = { host: 'here', bootId: 'boot', pid: process.pid, pidStart: '1' };
  const where = { listenHost: '127.0.0.1', fixedPort: null, firstPort: null, advertise: null };
  const how = { spec: catSpec, version: '0.0.0', replaces: null, drainMs: 1_000, limits: defaults };
  const log = () => {};
  const deps = {
    store,
    ownDesired: null,
    createApp: catApp({ store, spoolFolder: null, limits: defaults, log }),
    log,
  };
  const ids = ['aaaaaa', 'bbbbbb', 'cccccc'];
  return Promise.all(ids.map((id) => serve(deps, { id, ...how, ...where, machine })));
}
