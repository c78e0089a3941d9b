import { connect, type Socket } from 'node:net';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { Admin } from '../../src/admin/admin.ts';
import type { Overview } from '../../src/model/overview.ts';
import { adminOf, TOKEN } from '../helpers/admin.ts';
import { ask, exchange } from '../helpers/clients.ts';
import { type Fleet, type OpenDoor, startFleet } from '../helpers/door-fleet.ts';
import { openEventStream } from '../helpers/event-stream.ts';
import { freePort } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';

const all = { authorization: `Bearer ${TOKEN}` };
const MIB = 1_024 * 1_024;

let fleet: Fleet;
let admin: Admin;
let opened: OpenDoor;
let port: number;
const lines: string[] = [];
beforeAll(async () => {
  fleet = await startFleet();
  port = await freePort();
  const limits = { clientHeaderMs: 2_000, lingerIdleMs: 1_000 };
  opened = await fleet.open(0);
  const log = (line: string) => lines.push(line);
  admin = adminOf(fleet, opened, { port, ...limits }, { log });
  await admin.listen();
});
afterAll(async () => {
  admin.close();
  await fleet.stop();
});

function open(bytes: string): Socket {
  const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
  socket.on('error', () => {}).resume();
  onTestFinished(() => void socket.destroy());
  return socket;
}

test('a thousand connections to the admin listener take nobody the sight of the fleet', async () => {
  const stream = await openEventStream(port);
  onTestFinished(() => stream.close());
  const before = process.memoryUsage().rss;
  const sockets = Array.from({ length: 1_000 }, () => open('GET /overview HTTP/1.1\r\nHos'));
  await until('all have come, and most have gone', () => {
    return sockets.filter(({ closed }) => closed).length >= 1_000 - 256;
  });
  const seen = stream.of('overview').length;
  await until('who looked before goes on seeing', () => stream.of('overview').length > seen);
  expect((await ask(port, '/overview')).status).toBe(200);
  expect(process.memoryUsage().rss - before).toBeLessThan(100 * MIB);
});

test('a body that is huge is refused by its length, or once 4 KiB of it have come', async () => {
  const head = (lines: string) =>
    `POST /servers HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${TOKEN}\r\nContent-Type: application/json\r\n${lines}\r\n\r\n`;
  const whole = 'x'.repeat(MIB);
  const before = process.memoryUsage().rss;
  for (const bytes of [
    head(`Content-Length: ${10_000 * MIB}`) + whole,
    `${head('Transfer-Encoding: chunked')}${MIB.toString(16)}\r\n${whole}\r\n`,
  ]) {
    expect(await exchange(port, bytes)).toMatch(/^HTTP\/1\.1 413 /);
  }
  expect(process.memoryUsage().rss - before).toBeLessThan(100 * MIB);
});

test('a body that never comes holds nothing up', async () => {
  for (let at = 0; at < 50; at += 1) {
    open(
      `POST /scale HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${TOKEN}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{`,
    );
  }
  expect((await ask(port, '/overview', { headers: all })).status).toBe(200);
});

test('clients who leave in the middle of whatever they asked leave no trace in the log', async () => {
  for (const path of ['/overview', '/events', '/queue', '/servers']) {
    for (let at = 0; at < 20; at += 1) {
      const socket = open(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      setImmediate(() => socket.destroy());
    }
  }
  expect((await ask(port, '/overview')).status).toBe(200);
  expect(lines).toEqual([]);
});

test('while Redis is away, those who look are told so, and see the fleet go on', async () => {
  const stream = await openEventStream(port, all);
  onTestFinished(() => stream.close());
  await fleet.serve('dddddd');
  const last = () => stream.of<Overview>('overview').at(-1);
  await until('it is seen', () => last()?.totals.up === 1);
  await fleet.redis.kill('SIGSTOP');
  await until('it is away', () => last()?.redis.connected === false);
  const since = last()?.redis.since;
  const { length } = stream.of('overview');
  await until('it goes on', () => stream.of('overview').length > length + 2);
  expect(last()).toMatchObject({ redis: { since }, queue: null, totals: { up: 1 } });
  expect((await ask(port, '/queue')).status).toBe(503);
  expect((await ask(port, '/healthz')).status).toBe(200);
  await fleet.redis.kill('SIGCONT');
  await until('it is back', () => last()?.redis.connected === true && last()?.queue !== null);
});

test('what somebody put into Redis in place of ours is said once, and the overview goes on', async () => {
  const raw = new Redis(fleet.redis.url);
  onTestFinished(() => raw.disconnect());
  await raw.del('{meow}:intents');
  await raw.set('{meow}:intents', 'not ours');
  onTestFinished(async () => void (await raw.del('{meow}:intents')));
  const before = lines.length;
  const stream = await openEventStream(port);
  onTestFinished(() => stream.close());
  await until('some overviews', () => stream.of('overview').length > 3);
  expect((await ask(port, '/overview')).status).toBe(200);
  expect(lines.slice(before)).toEqual([expect.stringMatching(/^overview: .*intents/)]);
});

test('nothing is read or made for the page while nobody looks', async () => {
  let reads = 0;
  const around = () => {
    reads += 1;
    return fleet.store.registry.around();
  };
  const registry = { ...fleet.store.registry, around };
  const at = await freePort();
  const counted = adminOf({ store: { ...fleet.store, registry } }, opened, { port: at });
  await counted.listen();
  onTestFinished(() => counted.close());
  const viewers = [await openEventStream(at), await openEventStream(at), await openEventStream(at)];
  const others = await openEventStream(port);
  onTestFinished(() => others.close());
  await until('it is seen', () => (viewers[0]?.of('overview').length ?? 0) > 3);
  expect(reads).toBeLessThan(2 * (viewers[0]?.of('overview').length ?? 0));
  for (const viewer of viewers) viewer.close();
  const seconds = () => others.of('overview').length;
  const rest = async (count: number) => {
    const from = seconds();
    await until('some seconds', () => seconds() >= from + count);
    return reads;
  };
  const whenAllHadGone = await rest(2);
  expect(await rest(4)).toBe(whenAllHadGone);
});
