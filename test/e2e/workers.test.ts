import { spawn } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defaults } from '../../src/defaults.ts';
import { BIN, finish, openSite, type Site } from '../helpers/cli.ts';
import { exchange } from '../helpers/clients.ts';
import { askSteadily, keepAsking } from '../helpers/load.ts';
import { freePort } from '../helpers/redis.ts';
import { parseMetrics } from '../helpers/scrape.ts';
import { until } from '../helpers/until.ts';

/** Says who it is; holds what is asked of `/held` until `/release`; dies of `/crash`. */
const APP = `const held = [];
export default (request, response) => {
  if (request.url.startsWith('/crash')) return process.kill(process.pid, 'SIGKILL');
  if (request.url === '/held') return void held.push(response);
  if (request.url === '/count') return response.end(String(held.length));
  if (request.url === '/release') for (const one of held.splice(0)) one.end('held');
  request.resume().once('end', () => response.end('hello'));
};
`;
const CAP = 5;

let site: Site;
let raw: Redis;
let port: number;
let admin: number;
let door: ReturnType<Site['start']>;
let said = '';
const url = (path = '/') => `http://127.0.0.1:${port}${path}`;
const asked = (path: string) => `http://127.0.0.1:${admin}${path}`;

beforeAll(async () => {
  site = await openSite();
  raw = new Redis(site.redis.url);
  writeFileSync(join(site.home, 'app.mjs'), APP);
  [port, admin] = [await freePort(), await freePort()];
  const where = ['--port', String(port), '--admin-port', String(admin)];
  const limits = ['--max-inflight', String(CAP), '--header-timeout', '1'];
  const flags = [...where, ...limits, '--sticky', '--access-log'];
  door = site.start(['proxy', '--workers', '2', ...flags]);
  // Nobody reads it else, and a pipe holds only so much.
  door.stdout?.resume();
  door.stderr?.on('data', (piece) => (said += piece));
  expect((await site.run(['spawn', '2', '--app', 'app.mjs'])).code).toBe(0);
  await until('two workers use two servers', async () => {
    const rows = await site.list();
    const used = rows.filter(({ doors }) => doors.join() === 'usable');
    return used.length === 2 && (await workers()).length === 2;
  });
});
afterAll(async () => {
  raw.disconnect();
  await site.close();
});

/** The door's workers that serve. */
async function workers(): Promise<number[]> {
  const metrics = await scrape().catch(() => null);
  if (metrics?.get('meowctl_door_workers{state="serving"}') !== 2) return [];
  if (metrics.get('meowctl_door_workers{state="leaving"}') !== 0) return [];
  return children(door.pid ?? 0);
}

function children(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.split(' ').filter(Boolean).map(Number);
}

async function scrape() {
  return parseMetrics(await (await fetch(asked('/metrics'))).text());
}

async function total(name: string): Promise<number> {
  return (await scrape()).get(name) ?? 0;
}

/** A client with a connection of its own, which is one worker's. */
function client() {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ask = (path: string, headers = {}) =>
    new Promise<{ status: number; server: string; cookie: string }>((resolve, reject) => {
      const asking = request(url(path), { agent, headers }, (answer) => {
        const { 'x-served-by': server = '', 'set-cookie': cookies = [] } = answer.headers;
        const cookie = cookies[0]?.split(';')[0] ?? '';
        answer.resume().once('end', () => {
          resolve({ status: answer.statusCode ?? 0, server: String(server), cookie });
        });
      });
      asking.once('error', reject);
      asking.end();
    });
  return { ask, end: () => agent.destroy() };
}

describe('a door of two workers', () => {
  test('is one door in the registry, and shares connections out evenly', async () => {
    const clients = Array.from({ length: 60 }, client);
    for (const { ask } of clients) expect((await ask('/')).status).toBe(200);
    const shared = await until('both tell of their connections', async () => {
      const metrics = await scrape();
      const counts = [1, 2].map(
        (at) => metrics.get(`meowctl_door_worker_client_connections{worker="${at}"}`) ?? 0,
      );
      return counts.reduce((sum, count) => sum + count) === 60 && counts;
    });
    expect(Math.max(...shared)).toBeLessThanOrEqual(36);
    for (const one of clients) one.end();
    const rows = await site.list();
    expect(rows.map(({ doors }) => doors)).toEqual([['usable'], ['usable']]);
  });

  test('goes round the servers strictly on each connection, and its figures are the sums', async () => {
    const before = await total('meowctl_requests_total{code="2xx"}');
    const order = (await site.list()).map(({ id }) => id);
    const clients = [client(), client()];
    const served: string[][] = [];
    for (const { ask } of clients) {
      const mine: string[] = [];
      for (let at = 0; at < 6; at += 1) mine.push((await ask('/')).server);
      served.push(mine);
    }
    for (const one of clients) one.end();
    for (const mine of served) {
      const start = order.indexOf(mine[0] ?? '');
      expect(mine).toEqual(Array.from({ length: 6 }, (_, at) => order[(start + at) % 2]));
    }
    const told = (after: number) => after >= before + 12;
    await until('all are counted', async () =>
      told(await total('meowctl_requests_total{code="2xx"}')),
    );
    const overview = await (await fetch(asked('/overview'))).json();
    expect(overview).toMatchObject({ door: { pid: door.pid }, doors: [{ pid: door.pid }] });
  });

  test('keeps a client with its server whichever worker it comes to', async () => {
    const first = client();
    const { server, cookie } = await first.ask('/');
    first.end();
    for (let at = 0; at < 6; at += 1) {
      const other = client();
      expect((await other.ask('/', { cookie })).server).toBe(server);
      other.end();
    }
  });

  test('gives a slow head 408, though it is another process that accepts', async () => {
    expect(await exchange(port, 'GET / HTTP/1.1\r\nHo')).toContain('HTTP/1.1 408');
  });

  test('holds the cap at each server for all workers together, wherever the requests are', async () => {
    // All of them on two connections' workers: more than one worker's share, as much as the cap.
    const clients = Array.from({ length: CAP * 4 }, client);
    const done: number[] = [];
    const outcomes = clients.map(async ({ ask }) => done.push((await ask('/held')).status));
    await until('the rest is refused', () => done.length >= CAP * 2);
    expect(done).toEqual(Array.from({ length: CAP * 2 }, () => 503));
    const direct = async ({ url: at }: { url: string }) =>
      Number(await (await fetch(`${at}/count`)).text());
    const rows = await site.list();
    expect(await Promise.all(rows.map(direct))).toEqual([CAP, CAP]);
    for (const { url: at } of rows) await (await fetch(`${at}/release`)).text();
    await Promise.all(outcomes);
    expect(done.filter((status) => status === 200)).toHaveLength(CAP * 2);
    for (const one of clients) one.end();
  });

  test('replaces a killed worker, and nothing fails that it did not have', async () => {
    const [victim = 0, other = 0] = await workers();
    const load = keepAsking(url('/'), { workers: 4 });
    await until('it goes', () => load.good() > 20);
    const before = await scrape();
    const deaths = before.get('meowctl_door_worker_deaths_total') ?? 0;
    const had = [1, 2].map(
      (at) => before.get(`meowctl_door_worker_client_connections{worker="${at}"}`) ?? 0,
    );
    const counted = await total('meowctl_requests_total{code="2xx"}');
    process.kill(victim, 'SIGKILL');
    const next = await until('another serves', async () => {
      const now = await workers();
      return !now.includes(victim) && now.length === 2 && now;
    });
    expect(next).toContain(other);
    const good = load.good();
    await until('it goes on', () => load.good() > good + 20);
    const { failures } = await load.stop();
    // Those that were its own had one request each.
    expect(failures.length).toBeLessThanOrEqual(Math.max(...had));
    await until('it is counted', async () => {
      return (await total('meowctl_door_worker_deaths_total')) === deaths + 1;
    });
    expect(await total('meowctl_requests_total{code="2xx"}')).toBeGreaterThanOrEqual(counted);
  });

  test('rolls its workers at SIGHUP, and no request on a kept connection fails', async () => {
    const before = children(door.pid ?? 0);
    const load = keepAsking(url('/'), { workers: 4 });
    await until('it goes', () => load.good() > 20);
    const lines = () => said.split('every worker is replaced').length;
    const earlier = lines();
    door.kill('SIGHUP');
    await until('all are others', () => lines() > earlier);
    const good = load.good();
    await until('it goes on', () => load.good() > good + 20);
    expect((await load.stop()).failures).toEqual([]);
    await until('those before are gone', async () => {
      const pids = await workers();
      return pids.length === 2 && !pids.some((pid) => before.includes(pid));
    });
  });

  test('rolls a worker that has just begun, and has none too many where another is killed meanwhile', async () => {
    const [one = 0, other = 0] = await until('two serve', async () => {
      const now = await workers();
      return now.length === 2 && now.sort((a, b) => a - b);
    });
    const all = () => children(door.pid ?? 0);
    const lines = () => said.split('every worker is replaced').length;
    const earlier = lines();
    process.kill(one, 'SIGKILL');
    const begun = await until('another begins', () =>
      all().find((pid) => pid !== one && pid !== other),
    );
    door.kill('SIGHUP');
    const before = [one, other, begun];
    await until('that is being replaced', () => all().some((pid) => !before.includes(pid)));
    process.kill(other, 'SIGKILL');
    await until('all are others', () => lines() > earlier);
    const now = await until('none begins or leaves', async () => {
      const pids = all();
      const text = await (await fetch(asked('/metrics'))).text();
      const moving = /_workers\{state="(?:starting|leaving)"\} [1-9]/.test(text);
      return !moving && pids;
    });
    expect(now).toHaveLength(2);
    expect(now.filter((pid) => before.includes(pid))).toEqual([]);
  });

  test('accepts clients while a worker stands still that has the fewest', async () => {
    const clients = Array.from({ length: 40 }, client);
    for (const { ask } of clients) await ask('/');
    const [still = 0] = await until('both serve', async () => {
      const now = await workers();
      return now.length === 2 && now;
    });
    process.kill(still, 'SIGSTOP');
    const others = Array.from({ length: 40 }, client);
    let answered = 0;
    const asking = others.map(async ({ ask }) => {
      await ask('/').catch(() => {});
      answered += 1;
    });
    // One that it had just accepted waits until it goes on.
    await until('nearly all are answered', () => answered >= 38);
    process.kill(still, 'SIGCONT');
    await Promise.all(asking);
    for (const one of [...clients, ...others]) one.end();
  });

  test('lets a server go only when every worker has, also one that stands still', async () => {
    const spawned = async () => {
      const { stdout } = await site.run(['spawn', '--app', 'app.mjs', '--json']);
      const [row] = JSON.parse(stdout) as { id: string }[];
      const name = `meowctl_server_usable{server="${row?.id}"}`;
      await until('it is used', () => total(name));
      return row?.id ?? '';
    };
    const said: string[] = [];
    const monitor = await raw.monitor();
    monitor.on('monitor', (_at: string, words: string[]) => said.push(words.join(' ')));
    const acks = (id: string) =>
      said.filter((words) => words.toLowerCase().startsWith(`sadd {meow}:acks:${id}`)).length;
    const [still = 0] = await workers();
    const [waits, goes] = [await spawned(), await spawned()];
    expect((await site.run(['destroy', goes])).code).toBe(0);
    expect(acks(goes)).toBeGreaterThan(0);
    process.kill(still, 'SIGSTOP');
    const { code } = await site.run(['destroy', waits, '--timeout', '5']);
    process.kill(still, 'SIGCONT');
    monitor.disconnect();
    expect([code, acks(waits)]).toEqual([0, 0]);
    await until('both serve', async () => (await workers()).length === 2);
  });

  test('repeats no more requests that broke than one process would', async () => {
    const rows = await site.list();
    const [victim, other] = rows;
    const cookie = await until('a cookie leads to it', async () => {
      const one = client();
      const { server, cookie: mine } = await one.ask('/');
      one.end();
      return server === victim?.id && mine;
    });
    const clients = Array.from({ length: CAP }, client);
    const done: number[] = [];
    const outcomes = clients.map(async ({ ask }) =>
      done.push((await ask('/held', { cookie })).status),
    );
    const heldAt = async (row?: { url: string }) =>
      Number(await (await fetch(`${row?.url}/count`)).text());
    await until('it has all of them', async () => (await heldAt(victim)) === CAP);
    process.kill(victim?.pid ?? Number.NaN, 'SIGKILL');
    await until('some are repeated', async () => (await heldAt(other)) === defaults.retryFloor);
    await until('the others are not', () => done.length === CAP - defaults.retryFloor);
    expect(done).toEqual([502, 502]);
    await (await fetch(`${other?.url}/release`)).text();
    await Promise.all(outcomes);
    for (const one of clients) one.end();
  });

  test('knows poison by deaths under requests at different workers', async () => {
    await site.run(['spawn', '2', '--app', 'app.mjs']);
    await until('three are used', async () => {
      const rows = await site.list();
      return rows.filter(({ doors }) => doors.join() === 'usable').length === 3;
    });
    const post = () => fetch(url('/crash?y'), { method: 'POST', headers: { connection: 'close' } });
    expect([(await post()).status, (await post()).status]).toEqual([502, 502]);
    const poison = await until('its record says so', async () => {
      const [key = ''] = await raw.keys('{meow}:door:*');
      const record = JSON.parse((await raw.get(key)) ?? '{}') as { poison?: string[] };
      return record.poison;
    });
    expect(poison).toEqual(['POST /crash?y']);
  });

  test('tells what had trouble at any of its workers', async () => {
    const answer = await fetch(url('/crash?x=1'));
    expect([502, 503]).toContain(answer.status);
    const id = answer.headers.get('x-request-id') ?? '';
    await until('it is told', async () => {
      const { stdout } = await site.run(['why', '--request', id]);
      return stdout.includes('/crash');
    });
  });

  test('ends with its first process, also when that is killed, and leaves its port', async () => {
    const all = await until('both serve', async () => {
      const now = await workers();
      return now.length === 2 && now;
    });
    const ended = finish(door);
    door.kill('SIGKILL');
    await ended;
    await until('its workers are gone', () => all.every((pid) => !isThere(pid)));
    const again = site.start(['proxy', '--workers', '2', '--port', String(port), '--no-admin']);
    await until('another door has the port', () =>
      fetch(url()).then(
        () => true,
        () => false,
      ),
    );
    const over = finish(again);
    again.kill('SIGTERM');
    expect((await over).code).toBe(0);
  });
});

test('a new version that does not start leaves the workers as they are, one that does takes their place, and none of 100 connections a second fails', async () => {
  await site.clear();
  expect((await site.run(['spawn', '2', '--app', 'app.mjs'])).code).toBe(0);
  const copy = join(site.home, 'copy');
  for (const part of ['bin', 'dist', 'package.json']) {
    cpSync(join(BIN, '..', '..', part), join(copy, part), { recursive: true });
  }
  const start = join(copy, 'dist', 'start.cjs');
  const well = readFileSync(start);
  const [at, shown] = [await freePort(), await freePort()];
  const args = ['proxy', '--workers', '2', '--port', String(at), '--admin-port', String(shown)];
  const copied = spawn(process.execPath, [join(copy, 'bin', 'meowctl.js'), ...args], {
    env: site.env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = finish(copied);
  let told = '';
  copied.stderr?.on('data', (piece) => (told += piece));
  const answers = () =>
    fetch(`http://127.0.0.1:${at}/`, { headers: { connection: 'close' } }).then(
      ({ ok }) => ok,
      () => false,
    );
  const now = () => children(copied.pid ?? 0).sort();
  await until('it answers', answers);
  const load = askSteadily(`http://127.0.0.1:${at}/`, 100);
  const before = await until('two workers run', () => now().length === 2 && now());
  writeFileSync(start, 'throw new Error("a broken release");\n');
  copied.kill('SIGHUP');
  await until('it says so', () => told.includes('worker 1 is not replaced'));
  expect(told).toContain('a broken release');
  expect([now(), await answers()]).toEqual([before, true]);
  const figures = parseMetrics(await (await fetch(`http://127.0.0.1:${shown}/metrics`)).text());
  expect(figures.get('meowctl_door_worker_deaths_total')).toBe(0);
  writeFileSync(start, well);
  copied.kill('SIGHUP');
  await until('both are others', () => {
    const pids = now();
    return pids.length === 2 && !pids.some((pid) => before.includes(pid));
  });
  const good = load.good();
  await until('it goes on', () => load.good() > good + 50);
  expect((await load.stop()).failures).toEqual([]);
  copied.kill('SIGTERM');
  expect((await ended).code).toBe(0);
});

test.each([['0'], ['65'], ['two'], ['1.5']])('--workers %s is refused', async (count) => {
  const { code, stderr, stdout } = await site.run(['proxy', '--workers', count]);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain(`number of workers "${count}" is not valid`);
  expect(stderr).toContain('from 1 to 64, or cores');
});

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
