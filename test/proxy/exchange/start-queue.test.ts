import { type ClientRequest, request } from 'node:http';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { ask, exchange } from '../../helpers/clients.ts';
import { type Fleet, startFleet } from '../../helpers/door-fleet.ts';
import { freePort } from '../../helpers/redis.ts';
import { until } from '../../helpers/until.ts';
import { measured, request as yardstick } from '../../helpers/yardstick.ts';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet();
});
afterEach(() => fleet.clear());
afterAll(() => fleet.stop());

const HANDSHAKE =
  'GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n';

/** Longer than a test may take. */
const LONG_MS = 3_600_000;

test('while servers are on their way, requests of every kind wait for the first', async () => {
  const { port } = await fleet.open(0, { starting: true, readyTimeoutMs: LONG_MS });
  const all = [
    ask(port, '/one'),
    ask(port, '/two', { method: 'POST', body: 'x'.repeat(100_000) }),
    ask(port, '/three', { method: 'HEAD' }),
  ];
  const handshake = exchange(port, HANDSHAKE);
  const server = await fleet.serve('aaaaaa');
  expect((await Promise.all(all)).map(({ status }) => status)).toEqual([200, 200, 200]);
  // It speaks no WebSocket: that it was asked is what counts.
  expect(await handshake).toMatch(/^HTTP\/1\.1 (200|502)/);
  expect(server.seen.sort()).toEqual(['GET /one', 'GET /ws', 'HEAD /three', 'POST /two']);
});

test('a server that went away before does not end the wait for one that starts', async () => {
  const stale = await freePort();
  await fleet.register({ id: 'bbbbbb', port: stale, url: `http://127.0.0.1:${stale}` });
  const { port } = await fleet.open(1, { starting: true, readyTimeoutMs: LONG_MS });
  const all = [ask(port), ask(port, '/', { method: 'POST', body: 'x' })];
  await fleet.serve('aaaaaa');
  expect((await Promise.all(all)).map(({ by }) => by)).toEqual(['aaaaaa', 'aaaaaa']);
});

test('no request waits for a start longer than a server may take to be ready', async () => {
  const { port, answers } = await fleet.open(0, { starting: true, readyTimeoutMs: 300 });
  const late = await ask(port);
  expect(late).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
  expect(late.body).toBe('no server is ready yet\n');
  await until('it is told', () => answers.length === 1);
  expect(answers[0]?.durationMs).toBeGreaterThan(290);
});

test('where no server could be started, requests that wait hear so, and the next at once', async () => {
  const { port, door } = await fleet.open(0, { starting: true, readyTimeoutMs: LONG_MS });
  const waiting = ask(port);
  door.started();
  expect((await waiting).status).toBe(503);
  const { value, ms, slackMs } = await measured(ask(port), yardstick);
  expect([value.status, ms < 500 + slackMs]).toEqual([503, true]);
});

test('only as many requests wait for a start as one server takes, and one that leaves makes room', async () => {
  const bounds = { starting: true, readyTimeoutMs: LONG_MS, maxInflight: 2 };
  const { port, answers } = await fleet.open(0, bounds);
  const refused: ClientRequest[] = [];
  const three = [1, 2, 3].map(() => request({ port, agent: false }).on('error', () => {}));
  for (const each of three) each.once('response', () => refused.push(each)).end();
  await until('the third is refused', () => refused.length === 1);
  for (const each of three) each.destroy();
  await until('the others have left', () => answers.length === 3);
  expect(answers.map(({ status }) => status).sort()).toEqual([499, 499, 503]);
  const staying = [ask(port), ask(port)];
  await fleet.serve('aaaaaa');
  expect((await Promise.all(staying)).map(({ status }) => status)).toEqual([200, 200]);
});

test('a body that makes no sense is refused while its request waits for a start', async () => {
  const { port } = await fleet.open(0, { starting: true, readyTimeoutMs: LONG_MS });
  const head = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
  expect(await exchange(port, `${head}5\r\nhello\r\nno chunk`)).toMatch(/^HTTP\/1\.1 400 /);
});

test('a closing door tells the requests that wait for a start', async () => {
  const bounds = { starting: true, readyTimeoutMs: LONG_MS, maxInflight: 1 };
  const { port, door } = await fleet.open(0, bounds);
  const two = [ask(port), ask(port)];
  expect((await Promise.race(two)).status).toBe(503);
  const closed = door.close(LONG_MS);
  expect((await Promise.all(two)).map(({ status }) => status)).toEqual([503, 503]);
  await closed;
});
