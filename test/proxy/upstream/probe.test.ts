import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ask } from '../../helpers/clients.ts';
import { type Fleet, type OpenDoor, startFleet, usable } from '../../helpers/door-fleet.ts';
import { until } from '../../helpers/until.ts';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet();
});
const servers: Server[] = [];
afterEach(async () => {
  await fleet.clear();
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});
afterAll(() => fleet.stop());

const quick = { probeMs: 50, probeTimeoutMs: 10_000, registryReadMs: 50 };

/** A server of ours whose health can be told, and that keeps what it is asked until it is let go. */
async function startIll(record: object = {}) {
  const waiting: ServerResponse[] = [];
  const ill = { state: 'up', silent: false, probes: 0, waiting, port: 0 };
  const server = createServer((request, response) => {
    if (request.url !== '/healthz') return void waiting.push(response);
    ill.probes += 1;
    if (ill.silent) return;
    response.statusCode = ill.state === 'up' ? 200 : 503;
    response.end(JSON.stringify({ id: 'aaaaaa', state: ill.state }));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ill.port = (server.address() as AddressInfo).port;
  await say(ill.port, record);
  return ill;
}

// Its lease runs for ever.
const say = (port: number, record: object = {}) =>
  fleet.register({ id: 'aaaaaa', port, url: `http://127.0.0.1:${port}`, ...record });

const reasonOf = ({ door }: OpenDoor) => door.servers().find(({ id }) => id === 'aaaaaa')?.reason;
const isOut = ({ door }: OpenDoor) => !usable(door).includes('aaaaaa');

describe('a server that says that its app fails', () => {
  test('leaves the rotation once it was asked, with what waits on it, and comes back when it is well', async () => {
    const ill = await startIll();
    await fleet.serve('bbbbbb');
    const opened = await fleet.open(2, quick);
    const waiting = [1, 2].map(() => ask(opened.port));
    await until('it has one of them', () => ill.waiting.length === 1);
    expect(ill.probes).toBe(0);
    ill.state = 'failing';
    await say(ill.port, { failing: 'answers GET /up with 500' });
    await until('it is out', () => isOut(opened));
    expect((await Promise.all(waiting)).map(({ status, by }) => [status, by])).toEqual([
      [200, 'bbbbbb'],
      [200, 'bbbbbb'],
    ]);
    const said = 'its app answers GET /up with 500';
    await until('it says why', () => reasonOf(opened) === said);
    expect(ill.probes).toBeGreaterThan(2);
    expect((await ask(opened.port)).by).toBe('bbbbbb');
    // Its record alone brings nothing back.
    await say(ill.port);
    const probes = ill.probes;
    await until('it was asked again', () => ill.probes > probes + 2);
    expect(isOut(opened)).toBe(true);
    ill.state = 'up';
    await until('it is back', () => !isOut(opened));
  });

  test('stays in while its health is good: what stands in Redis takes nobody out', async () => {
    const ill = await startIll({ failing: 'is slandered' });
    const opened = await fleet.open(1, quick);
    await until('it was asked', () => ill.probes > 4);
    expect(isOut(opened)).toBe(false);
  });

  test('is all there is, and gets the requests still', async () => {
    const ill = await startIll({ failing: 'answers GET /up with 500' });
    const opened = await fleet.open(1, quick);
    ill.state = 'failing';
    await until('it is out', () => isOut(opened));
    const asked = ask(opened.port);
    await until('it has the request', () => ill.waiting.length === 1);
    ill.waiting[0]?.end('well');
    expect((await asked).body).toBe('well');
  });
});

describe('a server whose beats are late', () => {
  // Of a lease that runs for ever, every beat is late for this door.
  const impatient = { ...quick, probeTimeoutMs: 1_000, leaseMs: 2e16 };

  test('is asked while its lease runs, and out when it does not answer', async () => {
    const ill = await startIll();
    await fleet.serve('bbbbbb');
    const opened = await fleet.open(2, impatient);
    await until('it was asked', () => ill.probes > 3);
    expect(isOut(opened)).toBe(false);
    const waiting = [1, 2].map(() => ask(opened.port));
    await until('it has one of them', () => ill.waiting.length === 1);
    ill.silent = true;
    expect((await Promise.all(waiting)).map(({ by }) => by)).toEqual(['bbbbbb', 'bbbbbb']);
    await until('it says why', () => reasonOf(opened) === 'no answer in 1000 ms');
    ill.silent = false;
    await until('it is back', () => !isOut(opened));
  });

  test('is slow, not hung, while it answers requests: it stays in', async () => {
    const ill = await startIll();
    const opened = await fleet.open(1, { ...impatient, doorWatchMs: 10 });
    ill.silent = true;
    const probes = ill.probes;
    while (ill.probes < probes + 6) {
      const asked = ask(opened.port);
      await until('it has it', () => ill.waiting.length === 1);
      ill.waiting.pop()?.end();
      expect((await asked).status).toBe(200);
    }
    expect(isOut(opened)).toBe(false);
  });
});
