import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { StoreError } from '../../src/errors.ts';
import type { FleetEvent, NewEvent } from '../../src/model/event.ts';
import { DoorEvents } from '../../src/proxy/door-events.ts';
import type { Upstream } from '../../src/proxy/upstream/upstream.ts';
import { ask } from '../helpers/clients.ts';
import { type Fleet, startFleet } from '../helpers/door-fleet.ts';
import { until } from '../helpers/until.ts';

let fleet: Fleet;

beforeAll(async () => {
  fleet = await startFleet();
});
afterEach(() => fleet.clear());
afterAll(() => fleet.stop());

const events = () => fleet.store.events.read({ limit: 1_000 }).catch(() => []);

async function noted(kind: FleetEvent['kind'], by: string): Promise<FleetEvent> {
  const find = async () => (await events()).find((one) => one.kind === kind && one.by === by);
  await until(`${kind} by ${by}`, async () => (await find()) !== undefined);
  return (await find()) as FleetEvent;
}

test('a door tells that it opens, what it takes out and why, that it is back, and that it closes', async () => {
  await fleet.serve('aaaaaa');
  const second = await fleet.serve('bbbbbb');
  const { door, port, url } = await fleet.open(2);
  const by = `door ${door.id}`;
  expect(await noted('door-opened', by)).toMatchObject({ server: null, why: url });
  await second.die();
  for (let at = 0; at < 4; at += 1) expect((await ask(port)).status).toBe(200);
  const ejected = await noted('ejected', by);
  expect(ejected).toMatchObject({ server: 'bbbbbb', why: expect.stringContaining('ECONNREFUSED') });
  await new Promise<void>((resolve) => second.server.listen(second.port, '127.0.0.1', resolve));
  await noted('back', by);
  await door.close(0);
  await noted('door-closed', by);
});

test('a request that was tried again is remembered, with each server that failed and why', async () => {
  await fleet.serve('aaaaaa', (_, response) => response.end('hello'));
  await fleet.serve('bbbbbb', (request) => request.socket.destroy());
  const { door, port } = await fleet.open(2);
  for (let at = 0; at < 2; at += 1) {
    expect((await ask(port, '/x?y', { headers: { 'x-request-id': `it-${at}` } })).by).toBe(
      'aaaaaa',
    );
  }
  const [last] = door.requests.find({ server: 'bbbbbb' });
  expect(last).toMatchObject({
    id: expect.stringMatching(/^it-\d$/),
    ...{ method: 'GET', path: '/x?y', status: 200, server: 'aaaaaa', tried: ['bbbbbb', 'aaaaaa'] },
    failures: [{ server: 'bbbbbb', why: expect.any(String) }],
  });
  expect(door.requests.find({ id: last?.id ?? '' })).toEqual([last]);
  const post = { method: 'POST', body: 'a' };
  const answers = [await ask(port, '/x', post), await ask(port, '/x', post)];
  const failed = answers.find(({ status }) => status === 502);
  const posts = door.requests.find({}).filter(({ method }) => method === 'POST');
  expect(posts).toMatchObject([{ status: 502, server: null, failures: [{ server: 'bbbbbb' }] }]);
  expect(failed?.headers['x-request-id']).toBe(posts[0]?.id);
});

test('an error of the app itself is remembered: somebody will ask', async () => {
  await fleet.serve('aaaaaa', (_, response) => response.writeHead(500).end());
  const { door, port } = await fleet.open(1);
  await ask(port, '/', { headers: { 'x-request-id': 'own-500' } });
  expect(door.requests.find({ id: 'own-500' })).toMatchObject([
    { status: 500, server: 'aaaaaa', failures: [] },
  ]);
});

test('a request that went well, or whose client left, is not remembered', async () => {
  await fleet.serve('aaaaaa', (request, response) => {
    if (request.url !== '/slow') response.end('hello');
  });
  const { door, port } = await fleet.open(1);
  await ask(port);
  await ask(port, '/slow', { timeout: 50, signal: AbortSignal.timeout(200) }).catch(() => {});
  await until('the server is idle', () => door.servers()[0]?.inflight === 0);
  expect(door.requests.find({})).toEqual([]);
});

test('a door that lost Redis tells so, and that it is back, once it is', async () => {
  await fleet.serve('aaaaaa');
  const { door } = await fleet.open(1);
  const beforeMs = Date.now();
  await fleet.redis.kill('SIGKILL');
  await until('the door has noticed', () => door.redisAwaySince() !== null);
  await pause(2_500); // rounds of the door, in vain
  await fleet.redis.restart();
  const by = `door ${door.id}`;
  const back = await noted('redis-back', by);
  const away = await noted('redis-away', by);
  expect(away.why).toContain(`Redis at 127.0.0.1:${fleet.redis.port}`);
  expect(back.why).toMatch(/^after ([2-9]|\d{2,}) s$/);
  expect(away.at).toBeLessThan(back.at - 1_500);
  expect(away.at).toBeGreaterThan(beforeMs - 1_000);
  expect((await events()).filter(({ kind }) => kind === 'redis-away')).toHaveLength(1);
});

test('of a server that comes and goes no more than some turns a minute are told', () => {
  const told: NewEvent[] = [];
  const door = new DoorEvents('ab12cd', (event) => told.push(event));
  const upstream = { id: 'abc234', state: 'healthy' } as Upstream;
  for (let at = 0; at < 50; at += 1) {
    const to = at % 2 === 0 ? 'failed' : 'healthy';
    door.turns(upstream, to, 'refused');
    upstream.state = to;
  }
  expect(told.length).toBe(10);
  expect(told[9]?.why).toBe('refused; it comes and goes: no more of it for a minute');
  expect(told.map(({ kind }) => kind).slice(0, 3)).toEqual(['ejected', 'back', 'ejected']);
});

test('an orderly leave, and a first use, are no news of a door', () => {
  const told: NewEvent[] = [];
  const door = new DoorEvents('ab12cd', (event) => told.push(event));
  const turn = (state: Upstream['state'], to: Upstream['state']) =>
    door.turns({ id: 'abc234', state } as Upstream, to, '');
  turn('starting', 'healthy');
  turn('unverified', 'healthy');
  turn('healthy', 'suspect');
  turn('suspect', 'draining');
  expect(told).toEqual([]);
  door.redis(null);
  const outage = new StoreError('unavailable', 'no Redis', '');
  for (const trouble of [outage, outage, null, null]) door.redis(trouble);
  expect(told.map(({ kind }) => kind)).toEqual(['redis-away', 'redis-back']);
});

test('a WebSocket that no server would open is remembered too', async () => {
  const broken = await fleet.serve('aaaaaa');
  broken.server.on('upgrade', (_, socket) => socket.destroy());
  const { door, port } = await fleet.open(1);
  const upgrade = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' };
  const headers = {
    ...upgrade,
    'sec-websocket-key': 'a'.repeat(22).concat('=='),
    'x-request-id': 'ws-1',
  };
  expect((await ask(port, '/ws', { headers })).status).toBe(502);
  const [found] = door.requests.find({ id: 'ws-1' });
  expect(found).toMatchObject({ path: '/ws', status: 502, failures: [{ server: 'aaaaaa' }] });
});
