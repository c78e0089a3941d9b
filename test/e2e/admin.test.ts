import { mkdirSync, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Change } from '../../src/model/change.ts';
import type { EventKind, FleetEvent } from '../../src/model/event.ts';
import type { Overview } from '../../src/model/overview.ts';
import { openEventStream } from '../helpers/event-stream.ts';
import { answering, type FleetSite, openFleetSite } from '../helpers/fleet-site.ts';
import { freePort } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';

let site: FleetSite;
let adminPort: number;
let app: string;
beforeAll(async () => {
  site = await openFleetSite();
  site.raw.on('error', () => {}); // its Redis is killed once
  adminPort = await freePort();
  mkdirSync(join(site.home, 'secret'));
  app = site.write('secret/server.mjs', answering('mine'));
  const port = String(await freePort());
  site.go('proxy', '--port', port, '--admin-port', `${adminPort}`);
  await until('its admin listener answers', () => get('/healthz').then(Boolean, () => false));
  await site.spawn('2', '--app', app, '--env', 'GREETING=hello');
});
afterAll(() => site.close());

const url = (path: string) => `http://127.0.0.1:${adminPort}${path}`;
const bearer = () => {
  const token = readFileSync(join(site.home, 'admin-token'), 'utf8');
  return { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
};

async function get<T>(path: string, headers: Record<string, string> = {}): Promise<T> {
  return (await (await fetch(url(path), { headers })).json()) as T;
}

async function change(method: string, path: string, fields?: object) {
  const body = fields === undefined ? {} : { body: JSON.stringify(fields) };
  const answer = await fetch(url(path), { method, headers: bearer(), ...body });
  return { status: answer.status, value: (await answer.json()) as Change & { error?: string } };
}

/** The same, once it is over. */
async function whole(method: string, path: string, fields?: object): Promise<Change> {
  const { status, value } = await change(method, path, fields);
  expect([200, 202]).toContain(status);
  return until(`${method} ${path} is over`, async () => {
    const now = await get<Change>(`/changes/${value.id}`, bearer());
    return now.state !== 'running' && now;
  });
}

const ids = async () => (await site.liveNow()).map(({ id }) => id);

/** These, in this order, happened to a server or to the fleet, and the page did them. */
async function expectByPage(server: string | null, ...kinds: EventKind[]): Promise<void> {
  const found = await until(`the events tell of ${kinds.join(', ')}`, async () => {
    const events = await get<FleetEvent[]>('/events?limit=1000', bearer());
    const own = events.filter((each) => each.server === server && kinds.includes(each.kind));
    return own.length >= kinds.length && own;
  });
  const { username: user } = userInfo();
  expect(found).toMatchObject(kinds.map((kind) => ({ kind, by: 'page', user })));
}

describe('the admin listener of a door', () => {
  test('starts more of what runs here, with the same settings', async () => {
    const done = await whole('POST', '/servers', { count: 1 });
    expect([done.state, done.summary, done.failures]).toEqual(['done', '1 server started', []]);
    const live = await site.liveNow();
    expect(live.map((row) => [row.app, row.env])).toEqual(Array(3).fill([app, ['GREETING']]));
    expect(done.steps).toMatchObject([
      { state: 'done', what: expect.stringContaining('serves http') },
    ]);
    await expectByPage(done.steps[0]?.server ?? '', 'spawned');
  });

  test('tells of an app its name alone, but with the token all that `ls` does', async () => {
    const appsSeen = async (headers = {}) => {
      const { servers } = await get<Overview>('/overview', headers);
      return new Set(servers.map((server) => server.app));
    };
    await until(
      'the door knows them',
      async () => (await get<Overview>('/overview')).totals.up === 3,
    );
    expect(await appsSeen()).toEqual(new Set(['server.mjs']));
    expect(await appsSeen(bearer())).toEqual(new Set([app]));
    const [first] = (await get<Overview>('/overview')).servers;
    await until('it has beaten', async () => {
      const { rss, cpu, heap } = await get<Overview['servers'][number]>(`/servers/${first?.id}`);
      return rss !== null && cpu !== null && heap !== null;
    });
  });

  test('retires a server by its id, and says 404 for one that there is not', async () => {
    const [first = ''] = await ids();
    const done = await whole('DELETE', `/servers/${first}`);
    expect(done).toMatchObject({ state: 'done', summary: `server ${first} is gone` });
    expect(await ids()).not.toContain(first);
    await expectByPage(first, 'ordered');
    const again = await change('DELETE', `/servers/${first}`);
    expect([again.status, again.value.error]).toEqual([404, expect.stringContaining(first)]);
  });

  test('replaces servers one by one, while its stream tells how far it is', async () => {
    const before = await ids();
    const stream = await openEventStream(adminPort, bearer());
    onTestFinished(() => stream.close());
    const done = await whole('POST', '/restart', {});
    expect(done).toMatchObject({ state: 'done', summary: '2 servers replaced' });
    const after = await ids();
    expect(after.filter((id) => before.includes(id))).toEqual([]);
    await expectByPage(null, 'restart-begun', 'restart-ended');
    for (const id of before) await expectByPage(id, 'ordered');
    for (const id of after) await expectByPage(id, 'spawned');
    await until(
      'the stream has its end',
      () => stream.of<Change>('change').at(-1)?.state === 'done',
    );
    const seen = stream.of<Change>('change').flatMap(({ steps }) => steps.map(({ what }) => what));
    expect(seen.some((what) => what.includes('is being replaced'))).toBe(true);
  });

  test('brings this host to a number of servers; of two who ask at once, the second is told to wait', async () => {
    const both = await Promise.all([
      change('POST', '/scale', { count: 4 }),
      change('POST', '/scale', { count: 3 }),
    ]);
    expect(both.map(({ status }) => status).sort()).toEqual([202, 409]);
    const winner = both.find(({ status }) => status === 202)?.value;
    await until('it is over', async () => {
      return (await get<Change>(`/changes/${winner?.id}`, bearer())).state === 'done';
    });
    expect((await ids()).length).toBe(winner?.asked.count);
    await expectByPage(null, 'scaled');
  });

  test('keeps the last server unless it is forced', async () => {
    await whole('POST', '/scale', { count: 1 });
    const [last = ''] = await ids();
    const refused = await change('DELETE', `/servers/${last}`);
    expect([refused.status, refused.value.error]).toEqual([
      409,
      expect.stringContaining('last one'),
    ]);
    expect(await whole('DELETE', `/servers/${last}?force=true`)).toMatchObject({ state: 'done' });
    expect(await ids()).toEqual([]);
  });

  test('goes on showing what its door sees while Redis is away, and says since when', async () => {
    await site.spawn('1', '--app', app);
    await until('the door uses it', async () => (await get<Overview>('/overview')).totals.up === 1);
    await site.redis.kill('SIGKILL');
    const away = await until('it is noticed', async () => {
      const overview = await get<Overview>('/overview');
      return !overview.redis.connected && overview;
    });
    expect(away.redis.since).toBeGreaterThan(Date.now() - 600_000);
    expect([away.queue, away.totals.up]).toEqual([null, 1]);
    expect(away.servers[0]?.door).toBe('usable');
    const asked = await change('POST', '/servers', { count: 1 });
    expect([asked.status, asked.value.error]).toEqual([503, expect.stringContaining('Redis')]);
    expect((await fetch(url('/queue'))).status).toBe(503);
    await site.redis.restart();
    await until('it is back', async () => (await get<Overview>('/overview')).redis.connected);
    expect((await get<Overview>('/overview')).redis.since).toBeNull();
  });

  test('starts cats where nothing runs here, and nothing else', async () => {
    await site.clear();
    const port = String(await freePort());
    adminPort = await freePort();
    site.go('proxy', '--port', port, '--admin-port', `${adminPort}`);
    await until('its admin listener answers', () => get('/healthz').then(Boolean, () => false));
    expect(await whole('POST', '/servers')).toMatchObject({ state: 'done', asked: { count: 1 } });
    expect((await site.liveNow()).map((row) => row.app)).toEqual(['cat']);
    const { status } = await change('POST', '/servers', { app });
    expect(status).toBe(400);
  });
});
