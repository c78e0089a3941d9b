import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { Admin } from '../../src/admin/admin.ts';
import type { Overview } from '../../src/model/overview.ts';
import { adminOf, TOKEN } from '../helpers/admin.ts';
import { ask, exchange } from '../helpers/clients.ts';
import { type Fleet, startFleet } from '../helpers/door-fleet.ts';
import { openEventStream } from '../helpers/event-stream.ts';
import { freePort } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';

const all = { authorization: `Bearer ${TOKEN}` };
const MIB = 1_024 * 1_024;

let fleet: Fleet;
let admin: Admin;
let port: number;
const lines: string[] = [];
beforeAll(async () => {
  fleet = await startFleet();
  port = await freePort();
  const limits = { clientHeaderMs: 2_000, lingerIdleMs: 1_000 };
  admin = adminOf(
    fleet,
    await fleet.open(0),
    { port, ...limits },
    { log: (line) => lines.push(line) },
  );
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
