import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Row } from '../../src/cli/rows.ts';
import { finish, openSite, type Site } from '../helpers/cli.ts';
import { keepAsking } from '../helpers/load.ts';
import { freePort } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';

let site: Site;
let raw: Redis;

beforeAll(async () => {
  site = await openSite();
  raw = new Redis(site.redis.url);
});
afterEach(() => site.clear());
afterAll(async () => {
  raw.disconnect();
  await site.close();
});

function start(...args: string[]) {
  return site.start(args);
}

const intents = async () =>
  Object.entries(await raw.hgetall('{meow}:intents')).map(([id, text]) => ({
    id,
    ...(JSON.parse(text) as { state: string; port: number; bootId: string }),
  }));

async function spawn(...args: string[]): Promise<Row[]> {
  const { stdout, stderr, code } = await site.run(['spawn', '--json', ...args]);
  expect([code, stderr]).toEqual([0, '']);
  return JSON.parse(stdout) as Row[];
}

async function first(rows: Promise<Row[]>): Promise<Row> {
  const [row] = await rows;
  if (!row) throw new Error('no server');
  return row;
}

/** A keeper that has the lock. */
async function keep() {
  const keeper = start('keep');
  told(keeper);
  await until(
    'somebody keeps the host',
    async () => (await raw.keys('{meow}:keeper:*')).length > 0,
  );
  return keeper;
}

/** The one server that serves in the place of another. */
function successor(dead: Row): Promise<Row> {
  return until('another serves', async () => {
    const [row, ...others] = await liveNow();
    return row && others.length === 0 && row.id !== dead.id ? row : null;
  });
}

const liveNow = async () => (await site.list()).filter(({ state }) => state === 'up');

describe('the keeper', () => {
  test('starts a server again that was killed: new id, one intent', async () => {
    const dead = await first(spawn());
    const keeper = await keep();
    process.kill(dead.pid, 'SIGKILL');
    const next = await successor(dead);
    expect((await intents()).map(({ id }) => id)).toEqual([next.id]);
    keeper.kill('SIGTERM');
    expect((await finish(keeper)).code).toBe(0);
    expect(await raw.keys('{meow}:keeper:*')).toEqual([]);
  });

  // Servers of other test files look for ports in the same place, so it may be gone once or twice.
  test('starts a server again on the port it had, when that is free', async () => {
    let server = await first(spawn());
    await keep();
    await until('the port is the same', async () => {
      const { port } = server;
      process.kill(server.pid, 'SIGKILL');
      server = await successor(server);
      return server.port === port;
    });
  });

  test('leaves alone what was destroyed or stopped', async () => {
    const [one, two] = await spawn('2');
    const keeper = await keep();
    await site.run(['destroy', one?.id ?? '']);
    process.kill(two?.pid ?? 0, 'SIGTERM');
    await until('it has stopped', async () => (await intents())[0]?.state === 'stopped');
    const { count } = { count: await rounds(3) };
    expect(count).toBeGreaterThanOrEqual(3);
    expect(await liveNow()).toEqual([]);
    keeper.kill('SIGTERM');
    await finish(keeper);
  });

  test('brings back servers of an earlier boot, and takes no stranger on their port for them', async () => {
    const was = await first(spawn());
    const [intent] = await intents();
    process.kill(was.pid, 'SIGKILL');
    const stale = { ...intent, bootId: 'an-earlier-boot', pid: process.pid };
    await raw.hset('{meow}:intents', was.id, JSON.stringify(stale));
    const record = JSON.parse((await raw.hget('{meow}:servers', was.id)) ?? '{}');
    const old = { ...record, bootId: 'an-earlier-boot', pid: process.pid };
    await raw.hset('{meow}:servers', was.id, JSON.stringify(old));
    await raw.zadd('{meow}:leases', 1, was.id);
    const keeper = await keep();
    const [back] = await until('it is back', async () => {
      const rows = await liveNow();
      return rows.length > 0 ? rows : null;
    });
    expect(back?.id).not.toBe(was.id);
    expect((await intents()).map(({ id }) => id)).toEqual([back?.id]);
    keeper.kill('SIGTERM');
    await finish(keeper);
  });

  test('gives up a server that dies at every start; restart tries it again', async () => {
    const app = join(site.home, 'brittle.mjs');
    const dying = 'setTimeout(() => process.exit(7), 50);';
    const good = 'export default (_, response) => response.end("fine");\n';
    writeFileSync(app, good);
    const [server] = await spawn('--app', app);
    const keeper = await keep();
    writeFileSync(app, `${good}console.error("last words");${dying}`);
    process.kill(server?.pid ?? 0, 'SIGKILL');
    const crashed = await until('it is given up', async () =>
      (await intents()).find(({ state }) => state === 'crashed'),
    );
    const { stdout, stderr } = await site.run(['ls']);
    expect(stdout).toContain('crashed');
    expect(stderr).toContain(`meowctl restart ${crashed.id}`);
    expect(await rounds(2)).toBeGreaterThanOrEqual(2);
    expect((await intents())[0]?.id).toBe(crashed.id);
    writeFileSync(app, good);
    const again = await site.run(['restart', crashed.id, '--json']);
    expect([again.code, again.stderr]).toEqual([0, '']);
    expect(await liveNow()).toHaveLength(1);
    expect((await intents()).map(({ state }) => state)).toEqual(['wanted']);
    keeper.kill('SIGTERM');
    await finish(keeper);
  });

  test('says so when the state folder cannot be used, and goes on when it can', async () => {
    const dead = await first(spawn());
    const keeper = await keep();
    chmodSync(site.home, 0o777);
    process.kill(dead.pid, 'SIGKILL');
    await until('it says so', () => told(keeper).includes('everybody may write to it'));
    chmodSync(site.home, 0o700);
    await successor(dead);
    expect(told(keeper)).not.toMatch(/^ +at /m);
  });

  test('two keepers, one of them paused in between, start one server', async () => {
    const dead = await first(spawn());
    const paused = await keep();
    process.kill(dead.pid, 'SIGKILL');
    await until('the first has seen it', async () => told(paused).includes('died'));
    process.kill(paused.pid ?? 0, 'SIGSTOP');
    const second = start('keep');
    await until('the second has started it', async () => (await liveNow())[0]?.id !== dead.id);
    process.kill(paused.pid ?? 0, 'SIGCONT');
    await until('the first knows that it lost', async () => (await liveNow()).length === 1);
    expect(await rounds(3)).toBeGreaterThanOrEqual(3);
    expect(await liveNow()).toHaveLength(1);
    expect(await intents()).toHaveLength(1);
    for (const keeper of [paused, second]) keeper.kill('SIGTERM');
    await Promise.all([finish(paused), finish(second)]);
  });
});

const words = new WeakMap<object, string[]>();

/** What it has said so far. */
function told(keeper: ReturnType<Site['start']>): string {
  let said = words.get(keeper);
  if (!said) {
    const pieces: string[] = [];
    keeper.stderr?.on('data', (piece: Buffer) => pieces.push(piece.toString()));
    words.set(keeper, pieces);
    said = pieces;
  }
  return said.join('');
}

/** Waits until the lock was renewed so many times: so often somebody has looked. */
async function rounds(count: number): Promise<number> {
  let seen = 0;
  let before = 0;
  const [key = ''] = await raw.keys('{meow}:keeper:*');
  await until('the keeper has looked', async () => {
    const left = await raw.pttl(key);
    if (left > before) seen += 1;
    before = left;
    return seen >= count;
  });
  return seen;
}

describe('scale', () => {
  test('starts and retires until this host runs so many, and does nothing the second time', async () => {
    for (const [count, started, retired] of [
      [3, 3, 0],
      [3, 0, 0],
      [1, 0, 2],
      [0, 0, 1],
    ]) {
      const { code, stdout, stderr } = await site.run(['scale', String(count), '--json']);
      expect([code, JSON.parse(stdout).length]).toEqual([0, count]);
      expect(stderr).toBe(`${count} serve here: ${started} started, ${retired} retired\n`);
      expect(await liveNow()).toHaveLength(count ?? 0);
      expect(await intents()).toHaveLength(count ?? 0);
    }
  });

  test('starts more of the app that runs here, and asks which when there are several', async () => {
    const app = join(site.home, 'more.mjs');
    writeFileSync(app, 'export default (_, response) => response.end("more");\n');
    await spawn('--app', app);
    expect((await site.run(['scale', '3'])).code).toBe(0);
    const rows = await liveNow();
    expect(rows).toHaveLength(3);
    for (const { url } of rows) expect(await (await fetch(url)).text()).toBe('more');
    await spawn();
    const { code, stderr } = await site.run(['scale', '6']);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/several apps .*"cat"/)]);
    expect(await liveNow()).toHaveLength(4);
    expect((await site.run(['scale', '2'])).code).toBe(0);
  });

  test('knows an app by what it is given, in whatever order Redis has it', async () => {
    const app = join(site.home, 'given.mjs');
    writeFileSync(app, 'export default (_, response) => response.end("given");\n');
    const given = ['ZED=1', 'ALPHA=2', 'MID=3', 'B=4'].flatMap((pair) => ['--env', pair]);
    const [, stopped] = await spawn('2', '--app', app, ...given);
    process.kill(stopped?.pid ?? 0, 'SIGTERM');
    await until('it has stopped', async () => (await intents()).some((i) => i.state === 'stopped'));
    expect(await site.run(['scale', '3'])).toMatchObject({ code: 0 });
    expect(await liveNow()).toHaveLength(3);
  });

  test('counts servers that live while Redis has forgotten them', async () => {
    await spawn('2');
    await raw.del('{meow}:leases');
    const { stderr } = await site.run(['scale', '2']);
    expect(stderr).toContain('0 started, 0 retired');
  });

  test('set twice at once is the number that was set', async () => {
    await spawn('1');
    const both = await Promise.all([1, 2].map(() => site.run(['scale', '4', '--json'])));
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    await until('four serve', async () => (await liveNow()).length === 4);
    expect(await intents()).toHaveLength(4);
    expect((await site.list()).length).toBe(4);
  });

  test.each(['-1', 'x', '501', '1.5'])('%j is refused by name', async (count) => {
    const { code, stderr } = await site.run(['scale', ...(count === '-1' ? ['--'] : []), count]);
    expect(code).toBe(2);
    expect(stderr).toContain(`"${count}"`);
  });
});

describe('restart', () => {
  test('replaces every server under load, and no request fails', async () => {
    const before = await spawn('3');
    const port = await freePort();
    start('proxy', '--port', String(port), '--no-admin');
    const url = `http://127.0.0.1:${port}/`;
    await until('the door uses all', async () => {
      const rows = await site.list();
      return rows.every(({ doors }) => doors.includes('usable'));
    });
    const load = keepAsking(url, { workers: 6 });
    const posts = keepAsking(url, { workers: 2, method: 'POST', allowed: [405] });
    const { code, stdout, stderr } = await site.run(['restart', '--json']);
    const { failures, sent } = await load.stop();
    const posted = await posts.stop();
    expect([code, stderr, failures, posted.failures]).toEqual([0, '', [], []]);
    expect(sent).toBeGreaterThan(20);
    const after = (await liveNow()).map(({ id }) => id).sort();
    const told = JSON.parse(stdout) as Row[];
    expect(told.map(({ id }) => id).sort()).toEqual(after);
    expect(told.every(({ doors }) => doors[0] === 'usable')).toBe(true);
    const { stdout: scaled } = await site.run(['scale', '3', '--json']);
    expect(JSON.parse(scaled)).toEqual(
      told.map(({ id }) => expect.objectContaining({ id, doors: ['usable'] })),
    );
    expect(after.filter((id) => before.some((old) => old.id === id))).toEqual([]);
    expect((await intents()).map(({ id }) => id).sort()).toEqual(after);
  });

  test('stops at a new one that does not become ready; the old ones serve on', async () => {
    const app = join(site.home, 'version.mjs');
    writeFileSync(app, 'export default (_, response) => response.end("one");\n');
    const before = await spawn('2', '--app', app);
    writeFileSync(app, 'throw new Error("version two is broken");\n');
    const { code, stdout, stderr } = await site.run(['restart', '--json']);
    expect([code, stdout]).toEqual([5, '[]\n']);
    expect(stderr).toContain('version two is broken');
    expect((await liveNow()).map(({ id }) => id).sort()).toEqual(before.map(({ id }) => id).sort());
    for (const { url } of before) expect(await (await fetch(url)).text()).toBe('one');
  });

  test('of a fixed port needs --force, which stops it first', async () => {
    const port = await freePort();
    const old = await first(spawn('--port', String(port)));
    const refused = await site.run(['restart', old.id]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(`server ${old.id} has port ${port} for its own`);
    expect((await site.run(['restart', old.id, '--force'])).code).toBe(0);
    const [next] = await liveNow();
    expect([next?.port, next?.id === old.id]).toEqual([port, false]);
  });

  test('from two terminals at once replaces each server once', async () => {
    const before = await spawn('3');
    const both = await Promise.all([1, 2].map(() => site.run(['restart', '--json'])));
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    const after = (await liveNow()).map(({ id }) => id).sort();
    const told = both.flatMap(({ stdout }) => (JSON.parse(stdout) as Row[]).map(({ id }) => id));
    expect(after).toHaveLength(3);
    expect(told).toEqual(expect.arrayContaining(after));
    expect(after.filter((id) => before.some((old) => old.id === id))).toEqual([]);
    expect((await intents()).map(({ id }) => id).sort()).toEqual(after);
  });

  test('of one that is destroyed or started again meanwhile leaves no server too many', async () => {
    const app = join(site.home, 'slow.mjs');
    const mark = join(site.home, 'loading');
    const good = 'export default (_, response) => response.end("quick");\n';
    const slow = `import { appendFileSync } from 'node:fs';
      appendFileSync(${JSON.stringify(mark)}, 'x');
      await new Promise((go) => setTimeout(go, 5_000));\n`;
    writeFileSync(app, good);
    const [one, two] = await spawn('2', '--app', app);
    writeFileSync(app, `${slow}${good}`);
    const restart = start('restart', '--batch', '2');
    const loading = () => existsSync(mark) && readFileSync(mark, 'utf8') === 'xx';
    await until('the new ones are loading', loading);
    writeFileSync(app, good);
    process.kill(two?.pid ?? 0, 'SIGKILL');
    await keep();
    const revived = async () => (await intents()).every(({ id }) => id !== two?.id);
    await until('the keeper has started it again', revived);
    expect((await site.run(['destroy', one?.id ?? ''])).code).toBe(0);
    expect(restart.exitCode).toBe(null);
    expect((await finish(restart)).code).toBe(0);
    expect(await liveNow()).toHaveLength(1);
    expect(await intents()).toHaveLength(1);
  });

  test('of a fixed port keeps its place when the new one does not start', async () => {
    const app = join(site.home, 'fixed.mjs');
    const good = 'export default (_, response) => response.end("fine");\n';
    writeFileSync(app, good);
    const old = await first(spawn('--port', String(await freePort()), '--app', app));
    writeFileSync(app, 'throw new Error("version two is broken");\n');
    expect((await site.run(['restart', '--force'])).code).toBe(5);
    expect((await intents()).map(({ id, state }) => [id, state])).toEqual([[old.id, 'stopped']]);
    writeFileSync(app, good);
    expect((await site.run(['restart', old.id])).code).toBe(0);
    expect((await liveNow()).map(({ port }) => port)).toEqual([old.port]);
  });

  test('of nobody exits 3', async () => {
    expect((await site.run(['restart'])).code).toBe(3);
    expect((await site.run(['restart', 'zzzzzz'])).code).toBe(3);
  });
});

describe('up', () => {
  test('brings a fleet back after everything was killed, and keeps it', async () => {
    const ports = { port: await freePort(), admin: await freePort() };
    const flags = ['--port', String(ports.port), '--admin-port', String(ports.admin)];
    const up = start('up', '-n', '3', ...flags);
    await until('three serve', async () => (await liveNow()).length === 3);
    const killed = await liveNow();
    for (const { pid } of killed) process.kill(pid, 'SIGKILL');
    up.kill('SIGKILL');
    await finish(up);
    const again = start('up', ...flags);
    const back = await until('three serve again', async () => {
      const used = (await liveNow()).filter(({ doors }) => doors.includes('usable'));
      const rows = used.filter(({ id }) => !killed.some((old) => old.id === id));
      return rows.length === 3 ? rows : null;
    });
    process.kill(back[0]?.pid ?? 0, 'SIGKILL');
    await until('the keeper has replaced it', async () => {
      const rows = await liveNow();
      return rows.length === 3 && !rows.some(({ id }) => id === back[0]?.id);
    });
    again.kill('SIGINT');
    const { code, stderr } = await finish(again);
    expect([code, stderr]).toEqual([0, expect.stringContaining('stopping: keeper')]);
    expect(await liveNow()).toEqual([]);
    expect((await intents()).map(({ state }) => state)).toEqual(Array(3).fill('stopped'));
  });

  test('ends with what it started, also where `restart` has replaced it; what was spawned stays', async () => {
    const ports = { port: await freePort(), admin: await freePort() };
    const up = start(
      'up',
      ...['-n', '1', '--port', String(ports.port), '--admin-port', String(ports.admin)],
    );
    await until('it serves', async () => (await liveNow())[0]?.doors.includes('usable'));
    await spawn();
    expect((await site.run(['restart'])).code).toBe(0);
    up.kill('SIGINT');
    const { code, stderr } = await finish(up);
    expect([code, stderr]).toEqual([0, expect.stringContaining('1 spawned server stays')]);
    expect(await liveNow()).toHaveLength(1);
    expect((await intents()).map(({ state }) => state).sort()).toEqual(['stopped', 'wanted']);
  });
});
