import { spawnSync } from 'node:child_process';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Admin } from '../../src/admin/admin.ts';
import { adminOf } from '../helpers/admin.ts';
import { ask, exchange } from '../helpers/clients.ts';
import { type Fleet, type OpenDoor, PATIENT, startFleet, stateOf } from '../helpers/door-fleet.ts';
import { needs, promtool, testWith } from '../helpers/needs.ts';
import { freePort } from '../helpers/redis.ts';
import { parseMetrics } from '../helpers/scrape.ts';
import { sampleRecord } from '../helpers/store.ts';
import { until } from '../helpers/until.ts';
import { type EchoServer, handshake, startEcho } from '../helpers/web-sockets.ts';

let fleet: Fleet;
let open: OpenDoor;
let admin: Admin;
let echo: EchoServer;
let port: number;
beforeAll(async () => {
  fleet = await startFleet();
  echo = await startEcho();
  await fleet.serve('aaaaaa', (asked, response) => {
    if (asked.url === '/break') return asked.socket.destroy();
    if (asked.url === '/wait') return;
    if (asked.url === '/events') response.setHeader('content-type', 'text/event-stream');
    response.statusCode = Number(asked.url?.slice(1)) || 200;
    if (asked.url === '/events') response.write('data: a\n\n');
    else asked.resume().once('end', () => response.end('hello'));
  });
  open = await fleet.open(1, { ...PATIENT, resetsToEject: 1_000 });
  port = await freePort();
  admin = adminOf(fleet, open, { port });
  await admin.listen();
});
afterAll(async () => {
  admin.close();
  await fleet.stop();
  await echo.stop();
});

const scrape = async () => (await ask(port, '/metrics')).body;
const read = async () => parseMetrics(await scrape());

/** What it counts while this is done; the open ones are told as they are then. */
async function during(act: () => Promise<unknown>, requests: number) {
  const before = await read();
  await act();
  const sum = (all: ReadonlyMap<string, number>) =>
    [...all].reduce(
      (sum, [name, value]) => sum + (/^meowctl_requests_total/.test(name) ? value : 0),
      0,
    );
  const after = await until('all are counted', async () => {
    const now = await read();
    return sum(now) - sum(before) >= requests && now;
  });
  return (name: string) => (after.get(name) ?? 0) - (before.get(name) ?? 0);
}

test('is answered by any name, as text that Prometheus knows', async () => {
  const { status, headers } = await ask(port, '/metrics', { headers: { host: '10.1.2.3:3900' } });
  expect(status).toBe(200);
  expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
  expect((await ask(port, '/metrics', { method: 'POST' })).status).toBe(405);
});

test('is written once for all who ask at once, and anew for who asks later', async () => {
  const one = 'GET /metrics HTTP/1.1\r\nHost: a\r\n';
  const asked = [...Array(19).fill(one), `${one}Connection: close\r\n`, ''].join('\r\n');
  // Its own CPU time is another one each time.
  const timesIn = (text: string) => text.match(/(?<=^process_cpu_seconds_total ).*$/gm) ?? [];
  const all = timesIn(await exchange(port, asked));
  expect([all.length, new Set(all).size]).toEqual([20, 1]);
  await until('there is another', async () => timesIn(await scrape())[0] !== all[0]);
});

test('counts each answer of a known mix once', async () => {
  const counted = await during(async () => {
    for (const status of [200, 200, 201, 304, 404, 500, 503]) await ask(open.port, `/${status}`);
    await ask(open.port, '/break', { method: 'POST', body: 'x' });
  }, 8);
  const [all, its] = ['meowctl_requests_total{', 'meowctl_server_requests_total{server="aaaaaa",'];
  for (const [code, count] of Object.entries({
    '2xx': 3,
    '3xx': 1,
    '4xx': 1,
    '5xx': 3,
    '499': 0,
  })) {
    expect(counted(`${all}code="${code}"}`)).toBe(count);
    expect(counted(`${its}code="${code}"}`)).toBe(count);
  }
  expect(counted('meowctl_own_responses_total{code="502",reason="bad_gateway"}')).toBe(1);
  expect(counted('meowctl_request_duration_seconds_count')).toBe(8);
  expect(counted('meowctl_request_duration_seconds_bucket{le="+Inf"}')).toBe(8);
  expect(counted('meowctl_request_duration_seconds_sum')).toBeGreaterThan(0);
  expect(counted('meowctl_sent_bytes_total')).toBeGreaterThan(1_000);
});

test('counts a repeated request once, with its retry', async () => {
  const second = await fleet.serve('bbbbbb');
  await until('it is usable', () => stateOf(open.door, 'bbbbbb') === 'usable');
  const counted = await during(async () => {
    for (let at = 0; at < 2; at += 1) await ask(open.port, '/break');
  }, 2);
  expect(counted('meowctl_requests_total{code="2xx"}')).toBe(2);
  expect(counted('meowctl_requests_total{code="5xx"}')).toBe(0);
  const retries = counted('meowctl_retries_total{kind="broken"}');
  expect([1, 2]).toContain(retries);
  expect(counted('meowctl_server_retries_total{server="aaaaaa",kind="broken"}')).toBe(retries);
  await second.say({ state: 'draining' });
});

test('tells a client that left before its answer as 499, and what is open while it is open', async () => {
  await until('one server is left', () => stateOf(open.door, 'bbbbbb') !== 'usable');
  const clients: Socket[] = [];
  const counted = await during(async () => {
    const waits = connect(open.port, '127.0.0.1', () =>
      waits.write('GET /wait HTTP/1.1\r\nHost: a\r\n\r\n'),
    );
    const stream = request({ port: open.port, path: '/events', agent: false }).on(
      'error',
      () => {},
    );
    stream.end();
    await new Promise((resolve) => stream.once('response', resolve));
    await until(
      'both are there',
      async () => (await read()).get('meowctl_requests_in_flight') === 2,
    );
    expect((await read()).get('meowctl_event_streams_open')).toBe(1);
    stream.destroy();
    waits.destroy();
    clients.push(waits);
  }, 2);
  expect(counted('meowctl_requests_total{code="499"}')).toBe(1);
  expect(counted('meowctl_requests_total{code="2xx"}')).toBe(1);
  expect(counted('meowctl_request_duration_seconds_count')).toBe(1);
  expect((await read()).get('meowctl_event_streams_open')).toBe(0);
});

test('tells of WebSockets while they are open', async () => {
  const url = `http://127.0.0.1:${echo.port}`;
  await fleet.register({ id: 'eeeeee', port: echo.port, url });
  await until('it is usable', () => stateOf(open.door, 'eeeeee') === 'usable');
  const its = 'meowctl_server_websockets_open{server="eeeeee"}';
  const clients: Socket[] = [];
  await until('one is open', async () => {
    const client = connect(open.port, '127.0.0.1', () => client.write(handshake()));
    clients.push(client.on('error', () => {}));
    await new Promise((resolve) => client.once('data', resolve));
    return ((await read()).get(its) ?? 0) > 0;
  });
  for (const client of clients) client.destroy();
  await until('none is open', async () => (await read()).get(its) === 0);
  await fleet.store.registry.forget('eeeeee');
});

test('tells what servers say of themselves, the queue, and the door’s own process', async () => {
  const figures = { rss: 5e7, cpuMs: 1_250, heap: 1e7, loopMs: 2.5, restarts: 3 };
  const record = { id: 'cccccc', port: 1, url: 'http://127.0.0.1:1', figures };
  await fleet.register(record);
  const found = await until('it is told', async () => {
    const all = await read();
    return all.has('meowctl_server_restarts{server="cccccc"}') && all;
  });
  const of = (name: string) => found.get(`meowctl_server_${name}{server="cccccc"}`);
  expect(of('resident_memory_bytes')).toBe(5e7);
  expect(of('cpu_seconds_total')).toBe(1.25);
  expect(of('heap_used_bytes')).toBe(1e7);
  expect(of('event_loop_delay_seconds')).toBe(0.0025);
  expect(of('restarts')).toBe(3);
  expect(found.get('meowctl_redis_connected')).toBe(1);
  expect(found.get('process_resident_memory_bytes')).toBeGreaterThan(1e7);
  await fleet.store.registry.forget('cccccc');
});

test('what somebody else wrote into Redis breaks no line', async () => {
  const raw = new Redis(fleet.redis.url);
  const bad = 'a"} 1\nmeowctl_requests_total{code="2xx"} 1e9\n\\" \u001b[2J\r';
  const record = sampleRecord({
    id: 'dddddd',
    version: bad,
    host: bad,
    port: 2,
    url: 'http://127.0.0.1:2',
  });
  await raw.hset('{meow}:servers', 'dddddd', JSON.stringify(record));
  await raw.hset('{meow}:servers', bad, JSON.stringify({ ...record, id: bad }));
  await raw.zadd('{meow}:leases', 9e15, 'dddddd', 9e15, bad);
  const text = await until('it is told', async () => {
    const all = await scrape();
    return all.includes('server="dddddd"') && all;
  });
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
  expect(parseMetrics(text).get('meowctl_requests_total{code="2xx"}')).toBeLessThan(1_000);
  raw.disconnect();
  await fleet.store.registry.forget('dddddd');
});

testWith(needs.promtool, 'promtool finds nothing to say about it', async () => {
  const { status, stdout, stderr } = spawnSync(promtool(), ['check', 'metrics'], {
    input: await scrape(),
    encoding: 'utf8',
  });
  expect([status, stdout, stderr]).toEqual([0, '', '']);
});
