import { connect, type Socket } from 'node:net';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { catApp } from '../../src/cats/cat-app.ts';
import { defaults } from '../../src/defaults.ts';
import { catSpec } from '../../src/model/app-spec.ts';
import type { RunningServer } from '../../src/server/options.ts';
import { serve } from '../../src/server/serve.ts';
import type { Store } from '../../src/store/store.ts';
import { startRedis, type TestRedis } from '../helpers/redis.ts';
import { openStore } from '../helpers/store.ts';
import { until } from '../helpers/until.ts';
import { measured, request } from '../helpers/yardstick.ts';

const ID = 'abc234';
const FAR = 9e15;
/** Longer than the test may take: what ends by this has failed. */
const FOR_EVER_MS = 3_600_000;

let redis: TestRedis;
let store: Store;
let raw: Redis;
let server: RunningServer;
let port: number;
const sockets: Socket[] = [];

beforeAll(async () => {
  redis = await startRedis();
  store = await openStore(redis.url);
  raw = new Redis(redis.url);
});
beforeEach(async () => {
  await raw.flushall();
  server = await serve(
    {
      store,
      ownDesired: null,
      createApp: catApp({ store, spoolFolder: null, limits: defaults, log: () => {} }),
      log: () => {},
    },
    {
      ...{
        id: ID,
        spec: { ...catSpec, health: '/alive' },
        version: '0.0.0',
        listenHost: '127.0.0.1',
        advertise: null,
      },
      ...{ fixedPort: null, firstPort: null, replaces: null, drainMs: 5_000 },
      machine: { host: 'here', bootId: 'boot', pid: process.pid, pidStart: '1' },
      limits: { ...defaults, clientRequestMs: 1_000 },
    },
  );
  port = server.record().port;
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server.cut();
  await server.retire(0);
});
afterAll(async () => {
  raw.disconnect();
  await store.close();
  await redis.stop();
});

/** A connection, what came on it so far, and whether the server has ended it. */
function open(first = '') {
  const socket = connect(port, '127.0.0.1', () => socket.write(first));
  sockets.push(socket);
  const seen = { text: '', ended: false, socket };
  socket.on('data', (piece) => {
    seen.text += piece;
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    seen.ended = true;
  });
  return seen;
}

const get = (lines = '') => `GET /test HTTP/1.1\r\nHost: a\r\n${lines}\r\n`;
const elapsed = async (work: Promise<unknown>) => {
  const startMs = performance.now();
  await work;
  return performance.now() - startMs;
};
const gone = async () => (await raw.hexists('{meow}:servers', ID)) === 0;

test('a server leaves when every live door has let it go, not before', async () => {
  await raw.zadd('{meow}:doors', FAR, 'door22', FAR, 'door33', 1, 'dead44');
  const left = server.retire(5_000);
  await until('it says that it drains', async () =>
    (await raw.hget('{meow}:servers', ID))?.includes('"draining"'),
  );
  await raw.sadd(`{meow}:acks:${ID}`, 'door22');
  expect((await fetch(`http://127.0.0.1:${port}/test`)).headers.get('connection')).toBe('close');
  expect(await gone()).toBe(false);
  await raw.sadd(`{meow}:acks:${ID}`, 'door33');
  const { ms, slackMs } = await measured(left, request);
  expect(ms).toBeLessThan(1_500 + slackMs);
  expect(await gone()).toBe(true);
});

test('a door that never lets go holds it up for 3 s, no longer', async () => {
  await raw.zadd('{meow}:doors', FAR, 'door22');
  expect(await elapsed(server.retire(FOR_EVER_MS))).toBeGreaterThan(2_900);
  expect(await gone()).toBe(true);
});

test('a connection that a door used waits for one more request, others are closed when idle', async () => {
  const ofDoor = open(get('Via: 1.1 meow-door22\r\n'));
  const ofClient = open(get());
  await until('both are answered', () => ofDoor.text !== '' && ofClient.text !== '');
  const left = server.retire(10_000);
  await until("the client's is closed", () => ofClient.ended);
  expect(ofDoor.ended).toBe(false);
  ofDoor.socket.write(get('Via: 1.1 meow-door22\r\n'));
  await until('the door is answered and told to close', () => ofDoor.ended);
  expect(ofDoor.text.split('HTTP/1.1 200').length).toBe(3);
  expect(ofDoor.text).toMatch(/Connection: close\r\n/);
  await left;
  expect(await gone()).toBe(true);
});

test('what a server has not done by its drain limit is cut', async () => {
  const ofDoor = open(get('Via: 1.1 meow-door22\r\n'));
  await until('it is answered', () => ofDoor.text !== '');
  await server.retire(700);
  await until('it is cut', () => ofDoor.ended);
});

test('a retiring server answers 503 for its health, and writes no desired server', async () => {
  await raw.zadd('{meow}:doors', FAR, 'door22');
  void server.retire(5_000);
  const health = await fetch(`http://127.0.0.1:${port}/alive`);
  expect([health.status, await health.json()]).toEqual([503, { id: ID, state: 'draining' }]);
  expect(await raw.hlen('{meow}:intents')).toBe(0);
});

test('a question for its health is no request of a client, wherever it is asked', async () => {
  const before = server.record().requests;
  await fetch(`http://127.0.0.1:${port}/alive`);
  await fetch(`http://127.0.0.1:${port}/test`);
  expect(server.record().requests - before).toBe(1);
});

test.each([
  ['a body shorter than its length', 'Content-Length: 100000\r\n\r\n--x\r\nConten'],
  ['a body that stands still', 'Transfer-Encoding: chunked\r\n\r\n5\r\n--x\r\n\r\n'],
])('an upload with %s ends in 408, and nothing is queued', async (_what, rest) => {
  const upload = open(
    `POST /upload HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=x\r\n${rest}`,
  );
  await until('it is refused', () => upload.ended);
  expect(upload.text).toMatch(/^HTTP\/1\.1 408 /);
  expect(await raw.keys('*image*')).toEqual([]);
});
