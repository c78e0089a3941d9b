import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { Door } from '../../src/proxy/door.ts';
import { ask, exchange, startRaw } from '../helpers/clients.ts';
import { type Fleet, startFleet, usable } from '../helpers/door-fleet.ts';
import { until } from '../helpers/until.ts';
import { handshake, startEcho } from '../helpers/web-sockets.ts';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet();
});
afterEach(() => fleet.clear());
afterAll(() => fleet.stop());

const statusByPath = (id: string) =>
  fleet.serve(id, (request, response) => {
    const status = Number(request.url?.slice(1));
    response.writeHead(status).end();
  });

function retriesOf(figures: Door['figures']): number {
  const { broken, unconnected } = figures.snapshot().total.retries;
  return broken + unconnected;
}

/** @returns how many requests that took: who comes first goes by the port */
async function askUntilRetried(port: number, { figures }: Door): Promise<number> {
  let asked = 0;
  while (asked < 4 && retriesOf(figures) === 0) {
    asked += 1;
    expect((await ask(port)).by).toBe('bbbbbb');
    await until('it is counted', () => figures.snapshot().total.requests === asked);
  }
  expect(retriesOf(figures)).toBe(1);
  return asked;
}

test('every answer is counted once, for the server that gave it', async () => {
  await statusByPath('aaaaaa');
  await statusByPath('bbbbbb');
  const { port, door } = await fleet.open(2);
  for (const status of [200, 201, 204, 302, 404, 404, 500, 503]) await ask(port, `/${status}`);
  const { total, servers, ownAnswers } = door.figures.snapshot();
  expect(total.byClass).toEqual({ '1xx': 0, '2xx': 3, '3xx': 1, '4xx': 2, '499': 0, '5xx': 2 });
  expect([...servers.values()].map(({ requests }) => requests)).toEqual([4, 4]);
  expect(Array.from(total.steps).reduce((sum, count) => sum + count)).toBe(8);
  expect(total.sumMs).toBeGreaterThan(0);
  expect(ownAnswers).toEqual([]);
});

test('what the door answers itself is counted by its reason', async () => {
  const { port, door } = await fleet.open(0);
  await ask(port);
  await ask(port, '*', { method: 'OPTIONS' });
  await exchange(port, 'GET / HTTP/1.1\r\n\r\n');
  await exchange(port, 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n');
  await exchange(port, 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n');
  await exchange(port, 'no HTTP\r\n\r\n');
  await until('all are counted', () => door.figures.snapshot().total.requests === 6);
  expect(door.figures.snapshot().ownAnswers).toEqual([
    { reason: 'no_servers', status: 503, count: 1 },
    { reason: 'nothing_to_say', status: 204, count: 1 },
    { reason: 'refused', status: 400, count: 2 },
    { reason: 'refused', status: 405, count: 1 },
    { reason: 'bad_request', status: 400, count: 1 },
  ]);
});

test('a request that one server broke and another answered is one request, and one retry of the first', async () => {
  await fleet.serve('aaaaaa', (request) => request.socket.destroy());
  await fleet.serve('bbbbbb');
  const { port, door } = await fleet.open(2);
  const asked = await askUntilRetried(port, door);
  const { total, servers } = door.figures.snapshot();
  expect(servers.get('aaaaaa')).toMatchObject({ requests: 0, retries: { broken: 1 } });
  expect(servers.get('bbbbbb')).toMatchObject({ requests: asked, retries: { broken: 0 } });
  expect(total.retries).toEqual({ unconnected: 0, broken: 1, gone: 0 });
});

test('a server that refuses: the retry, the ejection and its cause', async () => {
  const dead = await fleet.serve('aaaaaa');
  await fleet.serve('bbbbbb');
  const { port, door } = await fleet.open(2);
  await dead.die();
  await askUntilRetried(port, door);
  const counts = () => door.figures.snapshot().servers.get('aaaaaa');
  expect(counts()).toMatchObject({
    requests: 0,
    retries: { unconnected: 1 },
    ejections: { refused: 1, resets: 0, vacant: 0, failing: 0 },
  });
  await until('probes found nobody there', () => (counts()?.probes.vacant ?? 0) > 0);
});

test('a server that breaks connections is ejected for that, and a POST gets 502, counted there', async () => {
  await fleet.serve('aaaaaa', (request) => request.socket.destroy());
  const { port, door } = await fleet.open(1, { resetsToEject: 3, probeMs: 60_000 });
  for (let at = 0; at < 3; at += 1) {
    expect((await ask(port, '/', { method: 'POST', body: 'x' })).status).toBe(502);
  }
  await until('all are counted', () => door.figures.snapshot().total.requests === 3);
  const { servers, ownAnswers } = door.figures.snapshot();
  expect(servers.get('aaaaaa')).toMatchObject({ errors: 3, ejections: { resets: 1 } });
  expect(ownAnswers).toEqual([{ reason: 'bad_gateway', status: 502, count: 3 }]);
});

test('a server that never answers costs 504, counted there as an error', async () => {
  const mute = await startRaw(() => {});
  onTestFinished(() => mute.stop());
  await fleet.register({ id: 'aaaaaa', port: mute.port, url: `http://127.0.0.1:${mute.port}` });
  const { port, door } = await fleet.open(1, { responseHeaderMs: 300, probeMs: 60_000 });
  expect((await ask(port)).status).toBe(504);
  await until('it is counted', () => door.figures.snapshot().total.requests === 1);
  const { servers, ownAnswers } = door.figures.snapshot();
  expect(ownAnswers).toEqual([{ reason: 'too_late', status: 504, count: 1 }]);
  expect(servers.get('aaaaaa')).toMatchObject({ errors: 1 });
});

test('a server that says its app fails, and fails its health checks, is ejected for that', async () => {
  const ill = await startRaw((socket) =>
    socket.end('HTTP/1.1 500 No\r\nContent-Length: 15\r\n\r\n{"id":"aaaaaa"}'),
  );
  onTestFinished(() => ill.stop());
  const url = `http://127.0.0.1:${ill.port}`;
  await fleet.register({ id: 'aaaaaa', port: ill.port, url, failing: 'answers 500' });
  const { door } = await fleet.open(0, { probeMs: 50 });
  const counts = () => door.figures.snapshot().servers.get('aaaaaa');
  await until('it is ejected', () => counts()?.ejections.failing === 1);
  expect(counts()?.probes).toMatchObject({ good: 0, silent: 0, vacant: 0 });
  expect(counts()?.probes.bad).toBeGreaterThan(2);
});

test('a client that leaves before its answer is 499 and no error', async () => {
  await fleet.serve('aaaaaa', () => {});
  const { port, door } = await fleet.open(1);
  const socket = connect(port, '127.0.0.1', () =>
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'),
  );
  await until('it is there', () => door.servers()[0]?.inflight === 1);
  socket.destroy();
  await until('it is counted', () => door.figures.snapshot().total.requests === 1);
  const { total } = door.figures.snapshot();
  expect(total).toMatchObject({ errors: 0 });
  expect(total.byClass).toMatchObject({ '499': 1, '4xx': 0 });
});

test('WebSockets are told while they are open, and are not in the durations', async () => {
  const echo = await startEcho();
  onTestFinished(() => echo.stop());
  await fleet.register({ id: 'aaaaaa', port: echo.port, url: `http://127.0.0.1:${echo.port}` });
  const { port, door } = await fleet.open(1);
  const client = connect(port, '127.0.0.1', () => client.write(handshake()));
  await new Promise((resolve) => client.once('data', resolve));
  expect(door.figures.snapshot().total).toMatchObject({ webSockets: 1, byClass: { '1xx': 1 } });
  client.destroy();
  await until('it is closed', () => door.figures.snapshot().total.webSockets === 0);
  expect(door.figures.snapshot().total.sumMs).toBe(0);
});

test('so are event streams', async () => {
  await fleet.serve('bbbbbb', (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: a\n\n');
  });
  const { port, door } = await fleet.open(1);
  const stream = httpRequest({ port, agent: false }).on('error', () => {});
  const answered = new Promise<NodeJS.Dict<unknown>>((resolve) =>
    stream.once('response', ({ headers }) => resolve(headers)),
  );
  stream.end();
  expect((await answered)['x-served-by']).toBe('bbbbbb');
  expect(door.figures.snapshot().servers.get('bbbbbb')).toMatchObject({ streams: 1, requests: 0 });
  stream.destroy();
  await until('it is closed', () => door.figures.snapshot().total.streams === 0);
  const { total } = door.figures.snapshot();
  expect(total).toMatchObject({ requests: 1, sumMs: 0 });
});

test('bytes of both sides are those that went over the sockets, before and after they close', async () => {
  await fleet.serve('aaaaaa', (request, response) => {
    request.resume().once('end', () => response.end('x'.repeat(5_000)));
  });
  const { port, door } = await fleet.open(1);
  const text = await exchange(
    port,
    `POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3000\r\n\r\n${'y'.repeat(3_000)}`,
  );
  await until('the connection is closed', () => door.figures.snapshot().clients.open === 0);
  const { clients, total, servers } = door.figures.snapshot();
  expect(clients.bytesOut).toBe(text.length);
  expect(clients.bytesIn).toBe(
    'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3000\r\n\r\n'.length +
      3_000,
  );
  expect(total.bytesTo).toBeGreaterThan(3_000);
  expect(total.bytesFrom).toBeGreaterThan(5_000);
  expect(servers.get('aaaaaa')?.bytesTo).toBe(total.bytesTo);
});

test('the door tells its totals in its record, so that others can show them', async () => {
  await statusByPath('aaaaaa');
  const { port, door } = await fleet.open(1, { registryReadMs: 50 });
  for (const status of [200, 500, 200]) await ask(port, `/${status}`);
  await until('they are in the registry', async () => {
    const { doors } = await fleet.store.registry.fleet();
    const figures = doors.find(({ id }) => id === door.id)?.figures;
    return figures?.errors === 1 && figures.rps > 0 && (figures.p99Ms ?? 0) > 0;
  });
});

test('a door that is told not to count does not', async () => {
  await fleet.serve('aaaaaa');
  const { port, door } = await fleet.open(1, { figures: false });
  await ask(port);
  expect(usable(door)).toEqual(['aaaaaa']);
  expect(door.figures.snapshot().total.requests).toBe(0);
});
