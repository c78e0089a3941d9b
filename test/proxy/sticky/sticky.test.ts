import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import type { IncomingMessage, RequestOptions, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { Server as IoServer } from 'socket.io';
import { type Socket as IoSocket, io } from 'socket.io-client';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { doorOptions } from '../../../src/proxy/options.ts';
import type { KeptKey } from '../../../src/proxy/sticky/key.ts';
import { keptStickyKey } from '../../../src/state/sticky-key.ts';
import { ask, exchange, type Reply, rotation } from '../../helpers/clients.ts';
import {
  type Fleet,
  PATIENT,
  startFleet,
  stateOf,
  type TestServer,
  usable,
} from '../../helpers/door-fleet.ts';
import { until } from '../../helpers/until.ts';
import { startEcho } from '../../helpers/web-sockets.ts';

const IDS = ['aaaaaa', 'bbbbbb', 'cccccc'];
let fleet: Fleet;
let raw: Redis;
let home: string;

beforeAll(async () => {
  fleet = await startFleet();
  raw = new Redis(fleet.redis.url);
  raw.on('error', () => {}); // its Redis is killed once
  home = mkdtempSync(join(tmpdir(), 'meow-test-sticky-'));
});
afterEach(() => fleet.clear());
afterAll(async () => {
  raw.disconnect();
  await fleet.stop();
  rmSync(home, { recursive: true, force: true });
});

/** A folder that keeps nothing. */
function forgetful(namespace = 'meow'): KeptKey {
  return { namespace, load: () => null, save: () => {} };
}

async function serveThree(app?: (request: IncomingMessage, response: ServerResponse) => void) {
  const servers = await Promise.all(IDS.map((id) => fleet.serve(id, app)));
  return servers.sort((one, other) => one.port - other.port);
}

const withCookie = (cookie: string | undefined, more = ''): RequestOptions =>
  cookie === undefined ? {} : { headers: { cookie: cookie + more } };
/** What a client sends back of it. */
const cookieOf = ({ headers }: Reply) => headers['set-cookie']?.[0]?.split(';')[0];

async function clientOf(port: number): Promise<{ cookie: string; by: string }> {
  const first = await ask(port);
  return { cookie: cookieOf(first) ?? '', by: first.by ?? '' };
}

describe('a client with the cookie', () => {
  test('stays with its server, and everybody else goes on by turns', async () => {
    const order = (await serveThree()).map(({ id }) => id);
    const { port } = await fleet.open(3, PATIENT, forgetful());
    const first = await ask(port);
    expect(first.headers['set-cookie']).toEqual([
      expect.stringMatching(/^meow=[a-z2-9]{6}\.[\w-]{22}; Path=\/; HttpOnly; SameSite=Lax$/),
    ]);
    expect([first.by, first.headers['cache-control']]).toEqual([order[0], 'private']);
    const cookie = cookieOf(first);
    for (let at = 0; at < 4; at += 1) {
      const again = await ask(port, '/', withCookie(cookie));
      expect([again.by, again.headers['set-cookie']]).toEqual([order[0], undefined]);
      expect(again.headers['cache-control']).toBeUndefined();
      expect(await rotation(port, 2)).toEqual([order[(2 * at + 1) % 3], order[(2 * at + 2) % 3]]);
    }
  });

  test('has it taken out before the server sees it, and nothing else', async () => {
    const [server] = await Promise.all([fleet.serve('aaaaaa')]);
    const { port } = await fleet.open(1, PATIENT, forgetful());
    const { cookie } = await clientOf(port);
    const cases = [
      [cookie, undefined],
      [`a=1; ${cookie}; b="x y"`, 'a=1; b="x y"'],
      [`${cookie}; meowing=1; xmeow=2`, 'meowing=1; xmeow=2'],
      [`a=1;b;${cookie}`, 'a=1;b'],
      ['Meow=1; meow', 'Meow=1; meow'],
    ] as const;
    for (const [sent, seen] of cases) {
      await ask(port, '/', withCookie(sent));
      expect([sent, server.requests.at(-1)?.headers.cookie]).toEqual([sent, seen]);
    }
    await exchange(
      port,
      `GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nCookie: a=1\r\ncOOKIE: ${cookie}\r\n\r\n`,
    );
    expect(server.requests.at(-1)?.headers.cookie).toBe('a=1');
  });

  test('keeps what the app says of caching, and the app’s own cookies', async () => {
    await fleet.serve('aaaaaa', (_request, response) => {
      response.setHeader('Cache-Control', 'no-cache').setHeader('Set-Cookie', ['a=1', 'b=2']);
      response.end();
    });
    const { port } = await fleet.open(1, PATIENT, forgetful());
    const { headers } = await ask(port);
    expect(headers['cache-control']).toBe('no-cache');
    expect(headers['set-cookie']?.map((text) => text.split('=')[0])).toEqual(['a', 'b', 'meow']);
  });

  test('goes to the next server, and gets its cookie, when its own drains, dies or is full', async () => {
    const held: ServerResponse[] = [];
    const servers = await serveThree((request, response) => {
      if (request.url === '/held') held.push(response);
      else response.end();
    });
    const { port, door } = await fleet.open(3, { ...PATIENT, maxInflight: 1 }, forgetful());
    const serverOf = (id: string): TestServer | undefined => servers.find((one) => one.id === id);
    let { cookie, by } = await clientOf(port);
    const waiting = ask(port, '/held', withCookie(cookie));
    await until('it is full', () => held.length === 1);
    const passed = await ask(port, '/', withCookie(cookie));
    expect(passed.by).not.toBe(by);
    held[0]?.end();
    expect([(await waiting).by, (await ask(port, '/', withCookie(cookie))).by]).toEqual([by, by]);

    await serverOf(by)?.say({ state: 'draining' });
    await until('it drains', () => stateOf(door, by) === 'draining');
    const moved = await ask(port, '/', withCookie(cookie));
    expect(moved.by).not.toBe(by);
    cookie = cookieOf(moved) ?? '';
    by = moved.by ?? '';
    expect((await ask(port, '/', withCookie(cookie))).by).toBe(by);

    await serverOf(by)?.die();
    const last = await ask(port, '/', withCookie(cookie));
    expect([last.status, usable(door)]).toEqual([200, [last.by]]);
    expect(cookieOf(last)).toMatch(`meow=${last.by}.`);
  });

  test('gets one that goes over TLS alone where a trusted proxy says that it came so', async () => {
    await fleet.serve('aaaaaa');
    const trusted = await fleet.open(1, { ...PATIENT, trustProxy: ['127.0.0.1'] }, forgetful());
    const others = await fleet.open(1, PATIENT, forgetful());
    const headers = { 'x-forwarded-proto': 'https' };
    const [secure] = (await ask(trusted.port, '/', { headers })).headers['set-cookie'] ?? [];
    const [plain] = (await ask(others.port, '/', { headers })).headers['set-cookie'] ?? [];
    expect([secure?.endsWith('; Secure'), plain?.includes('Secure')]).toEqual([true, false]);
  });
});

describe('a cookie', () => {
  test('that nobody was given is ignored, whatever it is', async () => {
    await serveThree();
    const { port } = await fleet.open(3, PATIENT, forgetful());
    const elsewhere = await fleet.open(3, PATIENT, forgetful('other'));
    const { cookie, by } = await clientOf(port);
    const foreign = await until('another fleet’s', async () => {
      const got = await clientOf(elsewhere.port);
      return got.by === by && got.cookie;
    });
    expect(foreign).not.toBe(cookie);
    const other = IDS.find((id) => id !== by) ?? '';
    const bad = [
      ['of another namespace', foreign],
      ['forged', cookie.replace(by, other)],
      ['with a letter changed', `${cookie.slice(0, -1)}${cookie.endsWith('A') ? 'B' : 'A'}`],
      ['cut short', cookie.slice(0, -1)],
      ['doubled', `${cookie}; ${cookie}`],
      ['doubled with another', `meow=x; ${cookie}`],
      ['of 4 KiB', `${cookie}${'x'.repeat(4_096)}`],
      ['quoted', cookie.replace('=', '="').concat('"')],
      ['empty', 'meow='],
      ['of nobody', 'meow=__proto__.AAAAAAAAAAAAAAAAAAAAAA'],
    ] as const;
    for (const [what, text] of bad) {
      const by3: (string | undefined)[] = [];
      for (let at = 0; at < 3; at += 1) by3.push((await ask(port, '/', withCookie(text))).by);
      expect([what, new Set(by3).size]).toEqual([what, 3]);
    }
  });

  test('counts at every door of the fleet, through an outage, and after Redis was emptied', async () => {
    await serveThree();
    const kept = keptStickyKey(home, 'meow');
    const one = await fleet.open(3, PATIENT, kept);
    const two = await fleet.open(3, PATIENT, forgetful());
    const { cookie, by } = await clientOf(one.port);
    const at = async (door: { port: number }) =>
      (await ask(door.port, '/', withCookie(cookie))).by === by;
    expect(await at(two)).toBe(true);
    const key = await raw.get('{meow}:sticky');
    await fleet.redis.kill('SIGKILL');
    expect([await at(one), await at(two)]).toEqual([true, true]);
    await fleet.redis.restart();
    await until(
      'the key is back',
      async () => (await raw.get('{meow}:sticky').catch(() => null)) === key,
    );
    expect([readFileSync(join(home, 'sticky/meow.key'), 'utf8'), mode('sticky/meow.key')]).toEqual([
      key,
      0o600,
    ]);
    // All doors away, and Redis emptied: the folder has it.
    for (const { door } of [one, two]) await door.close(0);
    await raw.del('{meow}:sticky');
    const three = await fleet.open(3, PATIENT, keptStickyKey(home, 'meow'));
    expect([await at(three), await raw.get('{meow}:sticky')]).toEqual([true, key]);
  });

  test('whose key in Redis is no key harms nobody; it is said once', async () => {
    await fleet.serve('aaaaaa');
    await raw.set('{meow}:sticky', 'x');
    const { port, lines } = await fleet.open(1, PATIENT, forgetful());
    expect((await clientOf(port)).cookie).toContain('meow=aaaaaa.');
    expect(lines.filter((line) => line.startsWith('sticky: '))).toHaveLength(1);
    await raw.del('{meow}:sticky');
  });

  test('is nothing to a door without the flag', async () => {
    const server = await fleet.serve('aaaaaa');
    const { port } = await fleet.open(1, PATIENT);
    const answer = await ask(port, '/', withCookie('meow=1'));
    expect(answer.headers['set-cookie']).toBeUndefined();
    expect(server.requests[0]?.headers.cookie).toBe('meow=1');
    expect(doorOptions().balance).toBe('round-robin');
  });
});

function mode(name: string): number {
  return statSync(join(home, name)).mode & 0o777;
}

test('a WebSocket goes to its client’s server, and brings the cookie of another', async () => {
  const echoes = await Promise.all([startEcho(), startEcho()]);
  for (const [at, { port }] of echoes.entries()) {
    await fleet.register({ id: IDS[at] ?? '', port, url: `http://127.0.0.1:${port}` });
  }
  const { port } = await fleet.open(2, PATIENT, forgetful());
  const shake = (cookie = '') =>
    exchange(
      port,
      `GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n${cookie}\r\n`,
      (text) => text.includes('\r\n\r\n'),
    );
  const first = await shake();
  const [, cookie, id] = /set-cookie: (meow=([a-z2-9]{6})\.[\w-]{22}); Path/i.exec(first) ?? [];
  expect([first.slice(0, 12), first.includes(`x-served-by: ${id}`)]).toEqual([
    'HTTP/1.1 101',
    true,
  ]);
  for (let at = 0; at < 3; at += 1) {
    const again = await shake(`Cookie: ${cookie}; a=1\r\n`);
    expect([again.includes(`x-served-by: ${id}`), /set-cookie/i.test(again)]).toEqual([
      true,
      false,
    ]);
  }
  const seen = echoes.flatMap(({ handshakes }) => handshakes.map(({ headers }) => headers.cookie));
  expect(seen.filter(Boolean)).toEqual(['a=1', 'a=1', 'a=1']);
  for (const echo of echoes) await echo.stop();
});

describe('socket.io', () => {
  const CLIENTS = 8;
  const rooms: IoServer[] = [];
  let clients: IoSocket[] = [];

  async function serveIo(id: string): Promise<TestServer> {
    const server = await fleet.serve(id);
    const rooms4 = new IoServer(server.server);
    rooms4.on('connection', (socket) =>
      socket.on('who', (reply: (id: string) => void) => reply(id)),
    );
    rooms.push(rooms4);
    return server;
  }

  const who = (client: IoSocket): Promise<string> => client.timeout(60_000).emitWithAck('who');

  afterEach(async () => {
    for (const client of clients) client.disconnect();
    clients = [];
    for (const room of rooms.splice(0)) await room.close();
  });

  test('with its defaults connects, upgrades and talks, also through a rolling restart', async () => {
    let servers = await Promise.all(IDS.map(serveIo));
    const { url, door } = await fleet.open(3, PATIENT, forgetful());
    const options = { withCredentials: true, forceNew: true, reconnectionDelay: 50 };
    clients = Array.from({ length: CLIENTS }, () => io(url, options));
    const failed: string[] = [];
    for (const client of clients) client.on('connect_error', ({ message }) => failed.push(message));
    await until('all are connected', () => clients.every(({ connected }) => connected));
    const transports = () => clients.map(({ io: manager }) => manager.engine.transport.name);
    await until('all have upgraded', () => transports().every((name) => name === 'websocket'));
    expect(failed).toEqual([]);
    expect(new Set(await Promise.all(clients.map(who)))).toEqual(new Set(IDS));

    for (const [at, old] of servers.entries()) {
      const next = await serveIo(`eeeee${'abc'[at]}`);
      await until('it is used', () => usable(door).includes(next.id));
      await old.say({ state: 'draining' });
      await until('it drains', () => stateOf(door, old.id) === 'draining');
      await rooms[at]?.close();
      await old.die();
      servers = [...servers, next];
    }
    const said = await until('all talk to new ones', async () => {
      const ids = await Promise.all(clients.map((client) => who(client).catch(() => '')));
      return ids.every((id) => id.startsWith('eeeee')) && ids;
    });
    expect(said).toHaveLength(CLIENTS);
  });
});
