import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest';
import type { EngineDoor } from '../../src/engine/engine-door.ts';
import type { KeptKey } from '../../src/proxy/sticky/key.ts';
import { ask, exchange, type Reply, rotation } from '../helpers/clients.ts';
import { type Fleet, PATIENT, startFleet, type TestServer } from '../helpers/door-fleet.ts';
import { type EngineSite, openEngineSite, used } from '../helpers/engine-site.ts';
import { needs, testWith } from '../helpers/needs.ts';
import { until } from '../helpers/until.ts';

/* What test/proxy/sticky/sticky.test.ts says of the embedded door, of one on HAProxy. */

const IDS = ['aaaaaa', 'bbbbbb', 'cccccc'];
const kept: KeptKey = { namespace: 'meow', load: () => null, save: () => {} };
let fleet: Fleet;
let site: EngineSite;
let door: EngineDoor;
let port: number;

const onHaproxy = (name: string, run: () => unknown) => testWith(needs.haproxy, name, run);

beforeAll(async () => {
  if (!needs.haproxy.isHere()) return;
  fleet = await startFleet();
  site = await openEngineSite(fleet);
  port = site.port;
  door = await site.create({ sticky: true, maxInflight: 1 }, { stickyKey: kept });
  await door.open();
});
afterEach(async () => {
  await fleet?.clear();
  await until('all servers are gone', () => (door?.servers().length ?? 0) === 0);
});
afterAll(async () => {
  await site?.close();
  await fleet?.stop();
});

async function serveThree(app?: Parameters<Fleet['serve']>[1]): Promise<TestServer[]> {
  const servers = await Promise.all(IDS.map((id) => fleet.serve(id, app)));
  for (const id of IDS) await used(door, id);
  return servers;
}

const withCookie = (cookie: string) => ({ headers: { cookie } });
const cookieOf = ({ headers }: Reply) => headers['set-cookie']?.at(-1)?.split(';')[0] ?? '';

async function clientOf(at = port): Promise<{ cookie: string; by: string }> {
  const first = await ask(at);
  expect(first).toMatchObject({ status: 200, by: expect.any(String) });
  return { cookie: cookieOf(first), by: first.by ?? '' };
}

describe('a client of HAProxy with the cookie', () => {
  onHaproxy('stays with its server, and everybody else goes on by turns', async () => {
    await serveThree();
    await rotation(port, 3); // one that has just come may have its turn twice
    const first = await ask(port);
    expect(first.headers['set-cookie']).toEqual([
      expect.stringMatching(/^meow=[a-z2-9]{6}\.[\w-]{22}; Path=\/; HttpOnly; SameSite=Lax$/),
    ]);
    expect(first.headers['cache-control']).toBe('private');
    for (let at = 0; at < 3; at += 1) {
      const again = await ask(port, '/', withCookie(cookieOf(first)));
      expect([again.by, again.headers['set-cookie']]).toEqual([first.by, undefined]);
      expect(again.headers['cache-control']).toBeUndefined();
    }
    const others = await rotation(port, 9);
    for (const id of IDS) expect(others.filter((by) => by === id)).toHaveLength(3);
  });

  onHaproxy('has it taken out before the server sees it, and nothing else', async () => {
    const server = await fleet.serve('aaaaaa');
    await used(door, 'aaaaaa');
    const { cookie } = await clientOf();
    const cases = [
      [cookie, undefined],
      [`a=1; ${cookie}; b="x y"`, 'a=1; b="x y"'],
      [`${cookie}; meowing=1; xmeow=2`, 'meowing=1; xmeow=2'],
      [`a=1;b;${cookie}`, 'a=1;b'],
      [`${cookie}; a=1; ${cookie}; ${cookie}`, 'a=1'],
      ['Meow=1; meow', 'Meow=1; meow'],
    ] as const;
    for (const [sent, seen] of cases) {
      await ask(port, '/', withCookie(sent));
      expect([sent, server.requests.at(-1)?.headers.cookie]).toEqual([sent, seen]);
    }
  });

  onHaproxy('keeps what the app says of caching, and the app’s own cookies', async () => {
    await fleet.serve('aaaaaa', (_request, response) => {
      response.setHeader('Cache-Control', 'no-cache').setHeader('Set-Cookie', ['a=1', 'b=2']);
      response.end();
    });
    await used(door, 'aaaaaa');
    const { headers } = await ask(port);
    expect(headers['cache-control']).toBe('no-cache');
    expect(headers['set-cookie']?.map((text) => text.split('=')[0])).toEqual(['a', 'b', 'meow']);
  });

  onHaproxy('goes to another, and gets its cookie, when its own drains or dies', async () => {
    const servers = await serveThree();
    const serverOf = (id: string) => servers.find((one) => one.id === id);
    let { cookie, by } = await clientOf();
    serverOf(by)?.silence();
    await serverOf(by)?.say({ state: 'draining' });
    await until('it is let go', () =>
      door.servers().some(({ id, state }) => id === by && state === 'draining'),
    );
    const moved = await ask(port, '/', withCookie(cookie));
    expect([moved.status, moved.by === by]).toEqual([200, false]);
    [cookie, by] = [cookieOf(moved), moved.by ?? ''];
    expect((await ask(port, '/', withCookie(cookie))).by).toBe(by);
    await serverOf(by)?.die();
    const last = await ask(port, '/', withCookie(cookie));
    expect([last.status, cookieOf(last)]).toEqual([200, expect.stringContaining(`${last.by}.`)]);
  });

  onHaproxy('is told 503 while its server has all the requests that it may have', async () => {
    const held: (() => void)[] = [];
    await serveThree((request, response) => {
      if (request.url === '/held') held.push(() => response.end());
      else response.end();
    });
    const { cookie, by } = await clientOf();
    const waiting = ask(port, '/held', withCookie(cookie));
    await until('it is full', () => held.length === 1);
    expect((await ask(port, '/', withCookie(cookie))).status).toBe(503);
    held[0]?.();
    expect([(await waiting).by, (await ask(port, '/', withCookie(cookie))).by]).toEqual([by, by]);
  });
});

describe('a cookie before HAProxy', () => {
  onHaproxy('that nobody was given is ignored, whatever it is', async () => {
    await serveThree();
    const { cookie, by } = await clientOf();
    const other = IDS.find((id) => id !== by) ?? '';
    const bad = [
      ['forged', cookie.replace(by, other)],
      ['with a letter changed', `${cookie.slice(0, -1)}${cookie.endsWith('A') ? 'B' : 'A'}`],
      ['cut short', cookie.slice(0, -1)],
      ['an id alone', `meow=${by}`],
      ['doubled', `${cookie}; ${cookie}`],
      ['doubled with another', `meow=x; ${cookie}`],
      ['of 4 KiB', `${cookie}${'x'.repeat(4_096)}`],
      ['quoted', cookie.replace('=', '="').concat('"')],
      ['empty', 'meow='],
      ['of nobody', 'meow=__proto__.AAAAAAAAAAAAAAAAAAAAAA'],
    ] as const;
    for (const [what, text] of bad) {
      const given = await ask(port, '/', withCookie(text));
      expect([what, given.status, cookieOf(given)]).toEqual([
        ...[what, 200],
        expect.stringContaining(`${given.by}.`),
      ]);
    }
  });

  onHaproxy('counts at the embedded door too, and that door’s here', async () => {
    await serveThree();
    const embedded = await fleet.open(3, PATIENT, kept);
    const at = async (of: number, cookie: string) => (await ask(of, '/', withCookie(cookie))).by;
    const [ours, theirs] = [await clientOf(), await clientOf(embedded.port)];
    for (const { cookie, by } of [ours, theirs]) {
      expect([await at(port, cookie), await at(embedded.port, cookie)]).toEqual([by, by]);
    }
  });

  onHaproxy('of a key that is no more is ignored, and one of the new key counts', async () => {
    await serveThree();
    const { cookie, by } = await clientOf();
    const raw = new Redis(fleet.redis.url);
    await raw.set('{meow}:sticky', 'k'.repeat(43));
    raw.disconnect();
    const renewed = await until('it is another', async () => {
      const answer = await ask(port, '/', withCookie(cookie));
      const given = cookieOf(answer);
      return given !== '' && given !== cookie && answer.by === by && given;
    });
    expect((await ask(port, '/', withCookie(renewed))).by).toBe(by);
  });
});

onHaproxy('a WebSocket goes to its client’s server, with the cookie of none', async () => {
  const [server] = await serveThree();
  const { cookie, by } = await clientOf();
  const key = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==';
  const lines = `Host: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${key}\r\nCookie: ${cookie}`;
  const answer = await exchange(port, `GET /ws HTTP/1.1\r\n${lines}\r\n\r\n`, (text) =>
    text.includes('\r\n\r\n'),
  );
  expect(/^x-served-by: (.*)\r$/m.exec(answer)?.[1]).toBe(by);
  expect(server?.requests.every(({ headers }) => headers.cookie === undefined)).toBe(true);
});
