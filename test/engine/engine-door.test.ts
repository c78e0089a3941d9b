import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest';
import { defaults } from '../../src/defaults.ts';
import { createEngineDoor, type EngineDoor } from '../../src/engine/engine-door.ts';
import { findHaproxy } from '../../src/engine/program.ts';
import { engineDefaults } from '../../src/engine-defaults.ts';
import { thisMachine } from '../../src/process/identity.ts';
import { LOOPBACK } from '../../src/proxy/options.ts';
import { ask, exchange, rotation, startRaw } from '../helpers/clients.ts';
import { type Fleet, PATIENT, startFleet, type TestServer } from '../helpers/door-fleet.ts';
import { FLEET } from '../helpers/engine-site.ts';
import { withHaproxy } from '../helpers/haproxy.ts';
import { needs, testWith } from '../helpers/needs.ts';
import { freePort } from '../helpers/redis.ts';
import { sampleRecord } from '../helpers/store.ts';
import { until } from '../helpers/until.ts';
import { accept, handshake } from '../helpers/web-sockets.ts';

/*
 * One door on one HAProxy, with servers made by hand: what it promises as the embedded door does, and
 * each line of the table in docs/operations.md of what it does otherwise.
 */

const MOST = 4;
/** Longer than a busy machine stands still, and no test waits for it but one. */
const WAIT_MS = 4_000;
const home = mkdtempSync(join(tmpdir(), 'meow-test-engine-'));
const env = { PATH: withHaproxy(), MEOW_HOME: home };
const said: string[] = [];
let fleet: Fleet;
let door: EngineDoor;
let port: number;

const onHaproxy = (name: string, run: () => unknown) => testWith(needs.haproxy, name, run);
const stateOf = (id: string) => door.servers().find((server) => server.id === id)?.state;
const used = (id: string) => until(`${id} is used`, () => stateOf(id) === 'usable');
const gone = (id: string) => until(`${id} is gone`, () => stateOf(id) === undefined);

async function serve(id: string, app?: Parameters<Fleet['serve']>[1]): Promise<TestServer> {
  const server = await fleet.serve(id, app);
  await used(id);
  return server;
}

/** As a server does that leaves: it says so, waits for the door, and goes. */
async function leave(server: TestServer): Promise<void> {
  server.silence();
  await server.say({ state: 'draining' });
  await until(`${server.id} is let go`, () => stateOf(server.id) === 'draining');
  await fleet.store.registry.forget(server.id);
  await gone(server.id);
  await server.die();
}

const raw = (...lines: string[]) => exchange(port, `${lines.join('\r\n')}\r\n\r\n`);
const statusOf = (text: string) => Number(text.split(' ')[1]);

beforeAll(async () => {
  if (!needs.haproxy.isHere()) return;
  fleet = await startFleet();
  port = await freePort();
  const machine = thisMachine(home);
  door = await createEngineDoor(
    {
      ...{ home, env, machine, registry: fleet.store.registry, alsoOurs: [] },
      ...{ fleet: FLEET, isOurFleet: () => true, older: null, stickyKey: null },
      ...{ pictures: null, onAnswer: null },
      program: findHaproxy(env, engineDefaults.leastHaproxy),
      log: (line) => said.push(line),
    },
    {
      ...{ ...defaults, ...engineDefaults, host: '127.0.0.1', port, threads: 2, drainMs: 10_000 },
      ...{ balance: 'round-robin', retry: 'idempotent', allowBackends: LOOPBACK, trustProxy: [] },
      ...{
        certificates: [],
        redirectPort: null,
        hstsSeconds: null,
        sticky: false,
        accessLog: false,
      },
      ...{ ...PATIENT, maxInflight: MOST, responseHeaderMs: WAIT_MS },
    },
  );
  await door.open();
});

// What a test that fails leaves behind is none of the next one's.
afterEach(async () => {
  await fleet?.clear();
  await until('all servers are gone', () => (door?.servers().length ?? 0) === 0);
});

afterAll(async () => {
  await door?.close(0);
  await fleet?.stop();
  rmSync(home, { recursive: true, force: true });
});

describe('a door on HAProxy', () => {
  onHaproxy('says without servers that there are none, as text or as JSON', async () => {
    const plain = await ask(port);
    expect([plain.status, plain.headers['retry-after'], plain.body]).toEqual([
      ...[503, '1', 'no servers: start one with `meowctl spawn`\n'],
    ]);
    expect(plain.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    const json = await ask(port, '/', { headers: { accept: 'application/json' } });
    expect(JSON.parse(json.body)).toEqual({
      status: 503,
      error: 'no servers: start one with `meowctl spawn`',
    });
    expect(door.ready()).toBe(false);
  });

  onHaproxy('hands requests out in strict rotation, with two threads', async () => {
    const servers = [await serve('aaaaaa'), await serve('bbbbbb'), await serve('cccccc')];
    await rotation(port, servers.length); // one that has just come may have its turn twice
    const by = await rotation(port, 30);
    for (const { id } of servers) expect(by.filter((one) => one === id)).toHaveLength(10);
    const parallel = await Promise.all(Array.from({ length: 30 }, () => ask(port, '/')));
    const counts = servers.map(({ id }) => parallel.filter((one) => one.by === id).length);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    for (const server of servers) await leave(server);
    expect(said).toEqual([]);
  });

  onHaproxy('sends on what came from the client, and says where it came from', async () => {
    const server = await serve('dddddd');
    const headers = {
      ...{ host: 'cats.example:81', 'x-request-id': 'mine-1', 'meow-attempt': 'forged' },
      ...{ 'x-forwarded-for': '6.6.6.6', 'x-forwarded-proto': 'https', forwarded: 'for=6.6.6.6' },
      ...{ x_forwarded_for: '6.6.6.6', proxy: 'evil', te: 'gzip', 'x-own': 'stays', x_own: 'too' },
    };
    await ask(port, '/a%2fb?c=%20', { headers });
    const [first] = server.requests;
    expect(first?.url).toBe('/a%2fb?c=%20');
    const { via, 'meow-attempt': token, ...rest } = first?.headers ?? {};
    expect(rest).toEqual({
      ...{ host: 'cats.example:81', 'x-own': 'stays', x_own: 'too', 'x-request-id': 'mine-1' },
      ...{ 'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'http' },
      'x-forwarded-host': 'cats.example:81',
    });
    expect(via).toBe(`1.1 meow-${door.id}`);
    expect(token).toMatch(/^[0-9a-f-]{36}$/);
    await ask(port, '/', { headers: { 'x-request-id': 'not sane' } });
    const made = server.requests[1]?.headers;
    expect(made?.['x-request-id']).toBe(made?.['meow-attempt']);
    await leave(server);
  });

  onHaproxy('refuses what no server should have to understand', async () => {
    const server = await serve('eeeeee');
    const host = 'Host: a';
    const many = Array.from({ length: 101 }, (_, at) => `X-${at}: 1`);
    const refused: readonly [status: number, ...lines: string[]][] = [
      [400, 'GET / HTTP/1.1'],
      [400, 'GET / HTTP/1.1', host, 'Host: b'],
      [400, 'GET / HTTP/1.1', 'Host: a b'],
      [400, 'GET / HTTP/1.1', 'Host: u@h'],
      [400, 'GET /a#b HTTP/1.1', host],
      [400, 'POST / HTTP/1.1', host, 'Content-Length: 5', 'Content-Length: 6', '', 'hello'],
      [400, 'POST / HTTP/1.1', host, 'Content-Length: +5', '', 'hello'],
      [400, 'POST / HTTP/1.1', host, 'Transfer-Encoding: xchunked'],
      [400, 'POST / HTTP/1.0', host, 'Transfer-Encoding: chunked', '', '0'],
      [400, 'GET / HTTP/1.1', host, 'Foo : x'],
      [405, 'TRACE / HTTP/1.1', host],
      [405, 'CONNECT a:1 HTTP/1.1', 'Host: a:1'],
      [417, 'GET / HTTP/1.1', host, 'Expect: banana'],
      [431, 'GET / HTTP/1.1', host, ...many],
      [505, 'GET / HTTP/9.9', host],
      [508, 'GET / HTTP/1.1', host, 'Via: 1.1 meow-abc234'],
      [204, 'OPTIONS * HTTP/1.1', host],
    ];
    for (const [status, ...lines] of refused) {
      const [first = '', ...others] = lines;
      const answer = await raw(first, 'Connection: close', ...others);
      expect([statusOf(answer), first]).toEqual([status, first]);
    }
    expect(server.seen).toEqual([]);
    await leave(server);
  });

  onHaproxy('differs from the embedded door in these, as docs/operations.md says', async () => {
    const server = await serve('eeeeee');
    const host = 'Host: a';
    const long = `X: ${'y'.repeat(17_000)}`;
    const close = 'Connection: close, x-named';
    const answered: readonly [status: number, has: RegExp, text: string][] = [
      [400, /<html>/, 'GET / HTTP/1.1\r\nHost: a\r\nFoo : x\r\n\r\n'],
      [400, /<html>/, `GET / HTTP/1.1\r\n${host}\r\n${long}\r\n\r\n`],
      [200, /hello/, `GET / HTTP/1.1\r\n${host}\r\n${host}\r\n${close}\r\n\r\n`],
      [200, /hello/, `GET / HTTP/1.1\n${host}\n${close}\n\n`],
      [
        ...([200, /^connection: close\r$/m] as const),
        `POST / HTTP/1.1\r\n${host}\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      ],
      [
        ...([422, /<html>/] as const),
        `POST / HTTP/1.1\r\n${host}\r\n${close}\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
      ],
      [400, /<html>/, `GET http://other:81/ HTTP/1.1\r\n${host}\r\n\r\n`],
      [200, /hello/, `GET /named HTTP/1.1\r\n${host}\r\nX-Named: 1\r\n${close}\r\n\r\n`],
    ];
    for (const [status, has, text] of answered) {
      const answer = await exchange(port, text);
      expect([statusOf(answer), answer]).toEqual([status, expect.stringMatching(has)]);
    }
    expect(server.requests.at(-1)?.headers['x-named']).toBe('1');
    await leave(server);
  });

  onHaproxy('sends nothing to a stranger that answers 200 with another id', async () => {
    const asked: string[] = [];
    const stranger = await startRaw((socket, text) => {
      if (!text.includes('\r\n\r\n')) return;
      asked.push(text.split(' ')[1] ?? '');
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n{"id":"zzzzzz","state":"up"}  ');
    });
    const server = await serve('ffffff');
    await fleet.register({
      id: 'gggggg',
      port: stranger.port,
      url: `http://127.0.0.1:${stranger.port}`,
    });
    await until('it was asked who it is, twice', () => asked.length > 1);
    expect(stateOf('gggggg')).toBe('out');
    expect(await rotation(port, 6)).toEqual(Array(6).fill('ffffff'));
    expect(new Set(asked)).toEqual(new Set(['/healthz']));
    await fleet.store.registry.forget('gggggg');
    await stranger.stop();
    await leave(server);
  });

  onHaproxy('stops sending requests to a server whose place a stranger has taken', async () => {
    const [server, other] = [await serve('hhhhhh'), await serve('iiiiii')];
    server.silence();
    await server.die();
    const stranger = await startRaw((socket) => {
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}');
    }, server.port);
    await until('its checks fail', () => stateOf('hhhhhh') === 'out');
    const before = stranger.received().match(/GET \/(?!healthz)/g)?.length ?? 0;
    expect(await rotation(port, 4)).toEqual(Array(4).fill('iiiiii'));
    expect(stranger.received().match(/GET \/(?!healthz)/g)?.length ?? 0).toBe(before);
    await stranger.stop();
    await fleet.store.registry.forget('hhhhhh');
    await gone('hhhhhh');
    await leave(other);
  });

  onHaproxy('never sends a new request to a server that drains, and lets it finish', async () => {
    const slow: (() => void)[] = [];
    const hold = await serve('jjjjjj', (_request, response) => {
      slow.push(() => response.end('finished'));
    });
    const finishing = ask(port, '/slow');
    await until('it has begun', () => slow.length === 1);
    const other = await serve('kkkkkk');
    hold.silence();
    await hold.say({ state: 'draining' });
    await until('it is let go', async () => {
      const { acks } = await fleet.store.registry.beat(
        sampleRecord({ id: 'jjjjjj', port: hold.port, state: 'draining' }),
        null,
      );
      return acks.includes(door.id);
    });
    expect(await rotation(port, 4)).toEqual(Array(4).fill('kkkkkk'));
    slow[0]?.();
    expect((await finishing).body).toBe('finished');
    await until('its idle connections are closed', () => hold.sockets.size === 0);
    await fleet.store.registry.forget('jjjjjj');
    await gone('jjjjjj');
    await hold.die();
    await leave(other);
  });

  onHaproxy('tries again what no server has seen, whatever the method', async () => {
    const [server, other] = [await serve('mmmmmm'), await serve('nnnnnn')];
    await server.die();
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => ask(port, '/', { method: 'POST', body: 'x' })),
    );
    expect(answers.map(({ status, by }) => [status, by])).toEqual(Array(4).fill([200, 'nnnnnn']));
    await fleet.store.registry.forget('mmmmmm');
    await gone('mmmmmm');
    await leave(other);
  });

  onHaproxy('tries a GET again whose connection broke, and never a POST', async () => {
    const breaks = await serve('pppppp', (request) => request.socket.destroy());
    const other = await serve('qqqqqq');
    const gets = [await ask(port), await ask(port)];
    expect(gets.map(({ status, by }) => [status, by])).toEqual(Array(2).fill([200, 'qqqqqq']));
    const tokens = (server: TestServer) =>
      server.requests.map((one) => one.headers['meow-attempt']);
    expect(breaks.seen.length).toBeGreaterThan(0);
    expect(tokens(other)).toEqual(expect.arrayContaining(tokens(breaks)));
    const before = breaks.seen.length + other.seen.length;
    const posts: number[] = [];
    for (let at = 0; at < 4; at += 1)
      posts.push((await ask(port, '/', { method: 'POST', body: 'x' })).status);
    expect(posts.filter((status) => status === 502)).toHaveLength(2);
    expect(breaks.seen.length + other.seen.length).toBe(before + 4);
    expect(breaks.seen.length).toBeGreaterThan(2); // nothing is poison
    for (const server of [breaks, other]) await leave(server);
  });

  onHaproxy('takes an empty Redis for no empty fleet', async () => {
    const server = await serve('rrrrrr');
    server.silence();
    await fleet.store.registry.forget('rrrrrr');
    await until('its record is missed', () => stateOf('rrrrrr') === 'doubtful');
    expect((await ask(port)).by).toBe('rrrrrr');
    await server.die();
    await gone('rrrrrr');
  });

  onHaproxy('gives a server no more requests at once than it may have: 503', async () => {
    const held: (() => void)[] = [];
    const server = await serve('ssssss', (_request, response) => {
      held.push(() => response.end());
    });
    const asked = Array.from({ length: MOST }, () => ask(port));
    await until('all are there', () => held.length === MOST);
    const more = await ask(port);
    expect([more.status, more.headers['retry-after'], more.body]).toEqual([
      ...[503, '1', 'no server took the request\n'],
    ]);
    for (const end of held) end();
    expect((await Promise.all(asked)).map(({ status }) => status)).toEqual(Array(MOST).fill(200));
    await leave(server);
  });

  onHaproxy('answers 504 for a server that does not, and does not ask another', async () => {
    const stall: Parameters<Fleet['serve']>[1] = ({ url }, response) => {
      if (url === '/begun') response.write('begun');
    };
    const servers = [await serve('tttttt', stall), await serve('uuuuuu', stall)];
    const headers = { accept: 'application/json' };
    const [answer, cut] = await Promise.all([
      ask(port, '/', { headers }),
      ask(port, '/begun').then(
        () => 'whole',
        () => 'cut',
      ),
    ]);
    expect([answer.status, answer.body, cut]).toEqual([
      ...[504, 'the server did not answer in time\n', 'cut'],
    ]);
    expect(servers.flatMap(({ seen }) => seen)).toHaveLength(2);
    for (const server of servers) await leave(server);
  });

  onHaproxy('routes to nobody outside of --allow-backends, and to no name', async () => {
    await fleet.register({ id: 'vvvvvv', port: 81, url: 'http://10.0.0.5:81' });
    await fleet.register({ id: 'wwwwww', port: 82, url: 'http://evil.example:82' });
    await fleet.register({ id: 'xxxxxx', port, url: `http://127.0.0.1:${port}` });
    await until('all are seen', () => stateOf('xxxxxx') === 'out');
    const whys = door.servers().map(({ id, state, reason }) => [id, state, reason]);
    expect(whys).toEqual([
      ['vvvvvv', 'out', '10.0.0.5 is outside --allow-backends'],
      ['wwwwww', 'out', 'evil.example is outside --allow-backends'],
      ['xxxxxx', 'out', 'its address is this door'],
    ]);
    for (const id of ['vvvvvv', 'wwwwww', 'xxxxxx']) await fleet.store.registry.forget(id);
    await gone('xxxxxx');
  });

  onHaproxy('passes WebSockets on, and ignores any other upgrade', async () => {
    const server = await serve('yyyyyy');
    server.server.on('upgrade', ({ headers }, socket) => {
      socket.on('error', () => {});
      const key = accept(headers['sec-websocket-key']);
      socket.end(
        `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${key}\r\n\r\nmeow`,
      );
    });
    const opened = await exchange(port, handshake(), (text) => text.endsWith('meow'));
    expect([statusOf(opened), /^x-served-by: (.*)\r$/m.exec(opened)?.[1]]).toEqual([101, 'yyyyyy']);
    const h2c = ['Connection: Upgrade, HTTP2-Settings, close', 'Upgrade: h2c', 'HTTP2-Settings: x'];
    expect(statusOf(await raw('GET / HTTP/1.1', 'Host: a', ...h2c))).toBe(200);
    const { headers } = server.requests.at(-1) ?? {};
    expect([headers?.upgrade, headers?.['http2-settings']]).toEqual([undefined, undefined]);
    await leave(server);
  });

  onHaproxy('counts what clients got, by server and by class', async () => {
    const server = await serve('zzzzzz', (request, response) => {
      response.statusCode = request.url === '/bad' ? 500 : 200;
      response.end('hello');
    });
    const before = door.figures.total();
    for (const path of ['/', '/', '/', '/bad']) await ask(port, path);
    await until('they are counted', () => door.figures.total().requests >= before.requests + 4);
    const counts = door.figures.snapshot().servers.get('zzzzzz');
    expect([counts?.byClass['2xx'], counts?.errors]).toEqual([3, 1]);
    expect(door.figures.rates().p99Ms).toBeNull();
    expect(counts?.bytesFrom).toBeGreaterThan(0);
    await leave(server);
  });
});
