import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import {
  takesPicture,
  UndeliveredPictures,
} from '../../../src/proxy/exchange/undelivered-pictures.ts';
import { type Fleet, startFleet } from '../../helpers/door-fleet.ts';
import { leaver, manyLeavers, serveThreeCats, take } from '../../helpers/picture-clients.ts';
import { until } from '../../helpers/until.ts';

const data = readFileSync(join(import.meta.dirname, '..', '..', '..', 'img', 'night.png'));
const LEAVERS = 40;
const LEAVES_WITHIN_MS = 8;

let fleet: Fleet;
let raw: Redis;

beforeAll(async () => {
  fleet = await startFleet();
  raw = new Redis(fleet.redis.url);
});
afterEach(async () => {
  await fleet.clear();
  await raw.flushall();
});
afterAll(async () => {
  raw.disconnect();
  await fleet.stop();
});

const queued = () => raw.llen('{meow}:images');
const enqueue = (count: number) =>
  fleet.store.images.enqueue(
    Array.from({ length: count }, () => ({ data, type: 'image/png' as const, name: 'a.png' })),
  );

test('a picture that its server counts as delivered and its client left in the middle of is back in the queue', async () => {
  await enqueue(1);
  await fleet.serve('aaaaaa', async (request, response) => {
    await take(fleet, request);
    response.writeHead(200, { 'content-length': data.length }).write(data.subarray(0, 1_000));
  });
  const { port, answers } = await fleet.open(1);
  await leaver(port, (socket) => socket.once('data', () => socket.resetAndDestroy()));
  await until('it is back', async () => (await queued()) === 1);
  expect(answers[0]?.trouble).toBe('the client left');
});

test('a picture that its server took only after its client had left is back in the queue', async () => {
  await enqueue(1);
  let left = () => {};
  const gone = new Promise<void>((resolve) => {
    left = resolve;
  });
  await fleet.serve('aaaaaa', async (request) => {
    await gone;
    await take(fleet, request);
  });
  const { port, answers } = await fleet.open(1);
  await leaver(port, (socket) => setTimeout(() => socket.resetAndDestroy(), 50));
  await until('it is told', () => answers.length === 1);
  left();
  await until('it was taken', async () => (await queued()) === 0);
  await until('it is back', async () => (await queued()) === 1);
});

test('a picture whose request ends in an answer of the door’s own is back in the queue', async () => {
  await enqueue(1);
  await fleet.serve('aaaaaa', async (request) => {
    await take(fleet, request);
    request.socket.destroy();
  });
  const { port } = await fleet.open(1);
  expect((await fetch(`http://127.0.0.1:${port}/meow`)).status).toBe(503);
  await until('it is back', async () => (await queued()) === 1);
});

test('as many pictures leave the queue as answers have left the door whole', async () => {
  const servers = await serveThreeCats(fleet);
  const { port, url, answers } = await fleet.open(3);
  await enqueue(LEAVERS + 1);
  const got = await fetch(`${url}/meow`);
  expect(Buffer.from(await got.arrayBuffer()).equals(data)).toBe(true);
  await manyLeavers(port, LEAVERS, LEAVES_WITHIN_MS);
  await until('all are told', () => answers.length === LEAVERS + 1);
  const whole = answers.filter(({ status, trouble }) => status === 200 && trouble === null);
  const left = LEAVERS + 1 - whole.length;
  await until('the rest is back', async () => (await queued()) === left);
  // Nothing more comes or goes: what is kept for a second try is forgotten.
  await until('nothing is kept', async () => (await raw.keys('{meow}:delivered:*')).length === 0);
  expect(await queued()).toBe(left);
  await Promise.all(servers.map((server) => server.retire(100)));
});

test.each([
  ['GET', '/meow', true],
  ['GET', '/meow?x', true],
  ['GET', '/MEOW/', true],
  ['HEAD', '/meow', false],
  ['GET', '/meows', false],
  ['GET', '/x/meow', false],
])('%s %s may have taken a picture: %s', (method, path, may) => {
  expect(takesPicture(method, path)).toBe(may);
});

test('a store that is away holds up nothing; what was not delivered stands in a bounded list and is told afterwards', async () => {
  const asked: string[][] = [];
  let away = true;
  const store = {
    async putBackFor(tokens: readonly string[]) {
      if (away) throw new Error('away');
      asked.push([...tokens]);
      return tokens.map(() => true);
    },
  };
  const list = new UndeliveredPictures(store, { retryWindowMs: 3_600_000 }, () => {});
  for (let at = 0; at < 3_000; at += 1) list.tell(`token-${at}`);
  await pause(0);
  away = false;
  await until('all are asked for', () => asked.flat().length === 1_000);
  expect(Math.max(...asked.map(({ length }) => length))).toBeLessThanOrEqual(100);
  await list.stop();
  expect(asked.flat()).toHaveLength(1_000);
});

test('an undelivered picture that is not there yet is asked for again, for as long as it may come', async () => {
  let asked = 0;
  const store = {
    async putBackFor() {
      asked += 1;
      return [asked === 3];
    },
  };
  const list = new UndeliveredPictures(store, { retryWindowMs: 3_600_000 }, () => {});
  list.tell('token');
  await until('it was found', () => asked === 3);
  await list.stop();
  expect(asked).toBe(3);
  const late = new UndeliveredPictures(store, { retryWindowMs: 0 }, () => {});
  late.tell('token');
  await until('it was asked for', () => asked > 3);
  await late.stop();
});

test('a picture whose answer waits behind another on its connection is back when that breaks', async () => {
  await enqueue(2);
  const big = Buffer.alloc(30_000_000, 'x');
  let taken = 0;
  await fleet.serve('aaaaaa', async (request, response) => {
    await take(fleet, request);
    taken += 1;
    // The first never gets out: its client does not read.
    response.end(taken === 1 ? big : data);
  });
  const { port, door } = await fleet.open(1);
  const socket = connect(port, '127.0.0.1', () => {
    socket.pause();
    socket.write('GET /meow HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(2));
  });
  socket.on('error', () => {});
  await until('both are taken', () => taken === 2);
  expect(await queued()).toBe(0);
  socket.resetAndDestroy();
  await until('both are back', async () => (await queued()) === 2);
  await until('no place is held', () => door.servers()[0]?.inflight === 0);
});

test('requests that wait behind another on a connection that breaks hold no place at a server', async () => {
  const requests: IncomingMessage[] = [];
  await fleet.serve('aaaaaa', (request) => void requests.push(request));
  const { port, door, answers } = await fleet.open(1);
  const socket = connect(port, '127.0.0.1', () => {
    socket.write(
      `${'GET /never HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(3)}POST /half HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc`,
    );
  });
  socket.on('error', () => {});
  await until('all are there', () => requests.length === 4);
  socket.resetAndDestroy();
  await until('no place is held', () => door.servers()[0]?.inflight === 0);
  await until('each is told once', () => answers.length >= 4);
  expect(answers.map(({ status }) => status)).toEqual([499, 499, 499, 499]);
});
