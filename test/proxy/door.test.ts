import { Agent } from 'node:http';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createDoor } from '../../src/proxy/door.ts';
import { doorOptions } from '../../src/proxy/options.ts';
import { ask, exchange } from '../helpers/clients.ts';
import { type Fleet, startFleet } from '../helpers/door-fleet.ts';
import { startRedis } from '../helpers/redis.ts';
import { openStore } from '../helpers/store.ts';
import { until } from '../helpers/until.ts';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet();
});
afterEach(() => fleet.clear());
afterAll(() => fleet.stop());

const doorsNow = async () => (await fleet.store.registry.fleet()).doors;

test('a door has a lease before it listens, and says in it what it thinks of each server', async () => {
  await fleet.serve('aaaaaa');
  const { door, url } = await fleet.open(1);
  const mine = await until('its record is complete', async () => {
    const found = (await doorsNow()).find(({ id }) => id === door.id);
    return found?.url === url && found.roster.aaaaaa ? found : null;
  });
  expect(mine).toMatchObject({ pid: process.pid, roster: { aaaaaa: { state: 'usable' } } });
});

test('a port that is taken is one clear error, and the lease is given back', async () => {
  const { port } = await fleet.open(0);
  await expect(fleet.open(0, { port })).rejects.toMatchObject({
    code: 'port-in-use',
    message: `port ${port} is in use`,
    exitCode: 1,
  });
  expect(await doorsNow()).toHaveLength(1);
});

test('an address that is not of this machine is one clear error', async () => {
  await expect(fleet.open(0, { host: '192.0.2.1' })).rejects.toMatchObject({ exitCode: 1 });
});

test('a door does not open without its registry', async () => {
  const redis = await startRedis();
  const store = await openStore(redis.url);
  await redis.stop();
  const deps = {
    machine: { host: 'here', pid: 1 },
    pictures: null,
    stickyKey: null,
    onAnswer: null,
    log: () => {},
  };
  const door = createDoor({ ...deps, registry: store.registry }, doorOptions({ port: 0 }));
  await expect(door.open()).rejects.toMatchObject({ exitCode: 4 });
  await store.close();
});

test('a closing door finishes what is in flight, takes nothing new, and leaves the registry', async () => {
  const waiting: (() => void)[] = [];
  await fleet.serve('aaaaaa', (_request, response) => {
    waiting.push(() => response.end('done'));
  });
  const { port, door } = await fleet.open(1);
  const agent = new Agent({ keepAlive: true });
  const held = Array.from({ length: 10 }, () => ask(port, '/', { agent }));
  await until('ten are in flight', () => waiting.length === 10);
  const closed = door.close(10_000);
  await expect(ask(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  for (const release of waiting) release();
  const all = await Promise.all(held);
  expect(new Set(all.map(({ status, body }) => `${status} ${body}`))).toEqual(
    new Set(['200 done']),
  );
  expect(new Set(all.map(({ headers }) => headers.connection))).toEqual(new Set(['close']));
  await closed;
  agent.destroy();
  expect(await doorsNow()).toEqual([]);
});

test('idle connections do not hold up a closing door, used or not', async () => {
  await fleet.serve('aaaaaa');
  const { port, door } = await fleet.open(1);
  const fresh = connect(port, '127.0.0.1');
  const used = connect(port, '127.0.0.1', () => used.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'));
  for (const socket of [fresh, used]) socket.on('error', () => {});
  await new Promise((resolve) => used.once('data', resolve));
  // An hour, which a test does not have: it is over before that.
  await door.close(3_600_000);
});

test('what a closing door has not done by its deadline is cut, and so is all at once by a second word to close', async () => {
  await fleet.serve('aaaaaa', () => {});
  const first = await fleet.open(1);
  const late = ask(first.port);
  late.catch(() => {});
  await until('it is in flight', () => first.door.servers()[0]?.inflight === 1);
  await first.door.close(200);
  await expect(late).rejects.toThrow();

  const second = await fleet.open(1);
  const held = ask(second.port);
  held.catch(() => {});
  await until('it is in flight', () => second.door.servers()[0]?.inflight === 1);
  const closed = second.door.close(60_000);
  second.door.cut();
  await closed;
  await expect(held).rejects.toThrow();
});

test('nothing is left open once doors have closed', async () => {
  const server = await fleet.serve('aaaaaa');
  const { port, door } = await fleet.open(1);
  await Promise.all(Array.from({ length: 20 }, () => ask(port)));
  await door.close(1_000);
  await until('the server has no connection', () => server.sockets.size === 0);
});

test('a request is told once, with who served it and how long it took', async () => {
  await fleet.serve('aaaaaa');
  const { port, answers } = await fleet.open(1);
  await ask(port, '/told?x=1');
  await exchange(port, 'GET /bad HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n');
  const told = await until('both are told', () => (answers.length === 2 ? answers : null));
  expect(told[0]).toMatchObject({
    method: 'GET',
    path: '/told?x=1',
    server: 'aaaaaa',
    status: 200,
    tried: ['aaaaaa'],
    trouble: null,
  });
  expect(told[1]).toMatchObject({ path: '/bad', server: null, status: 400 });
});
