import type { ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Row } from '../../src/cli/output/rows.ts';
import type { FleetEvent } from '../../src/model/event.ts';
import { sendSignal } from '../../src/process/terminate.ts';
import { temporaryFolder } from '../helpers/cleanup.ts';
import { finish, openSite, type Site } from '../helpers/cli.ts';
import { ask } from '../helpers/clients.ts';
import { freePort } from '../helpers/redis.ts';
import { openStore, sampleDesired, sampleRecord } from '../helpers/store.ts';
import { until } from '../helpers/until.ts';

const KEY = '{meow}:events';

let site: Site;
let raw: Redis;
beforeAll(async () => {
  site = await openSite();
  raw = new Redis(site.redis.url);
  raw.on('error', () => {}); // it is restarted
});
beforeEach(() => site.clear());
afterAll(async () => {
  raw.disconnect();
  await site.close();
});

async function events(...args: string[]): Promise<FleetEvent[]> {
  const { code, stdout } = await site.call(['events', '--json', ...args]);
  expect(code).toBe(0);
  return JSON.parse(stdout) as FleetEvent[];
}

const kindsOf = async (id: string) => (await events(id)).map(({ kind }) => kind);

async function spawned(count: number, ...args: string[]): Promise<Row[]> {
  const { stdout, stderr, code } = await site.call(['spawn', String(count), '--json', ...args]);
  expect([code, stderr]).toEqual([0, '']);
  return JSON.parse(stdout) as Row[];
}

async function why(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await site.call(['why', ...args]);
  expect([code, stderr]).toEqual([0, '']);
  return stdout;
}

const linesOf = (child: ChildProcess, from: 'stdout' | 'stderr') => {
  let text = '';
  child[from]?.on('data', (piece: Buffer) => {
    text += piece;
  });
  return () => text.split('\n').filter(Boolean);
};

describe('the events of a fleet', () => {
  test('tell of each server by whom it was started and taken out, however short the verbs', async () => {
    const rows = await spawned(5);
    const ends = await Promise.all(
      rows.map(({ id }) => site.run(['destroy', id, '--force', '--quiet'])),
    );
    expect(ends.map(({ code }) => code)).toEqual([0, 0, 0, 0, 0]);
    for (const { id } of rows) {
      const found = await events(id);
      expect(found.map(({ kind }) => kind)).toEqual([
        ...['spawned', 'ready', 'ordered', 'drained', 'gone'],
      ]);
      const user = userInfo().username;
      const [start, ready, order] = found;
      expect(start).toMatchObject({ by: 'spawn', user, host: rows[0]?.host });
      expect(ready).toMatchObject({ by: 'itself', user: null, why: expect.stringMatching(/ ms$/) });
      expect(order).toMatchObject({ by: 'destroy', user, why: 'to finish within 30 s' });
    }
  });

  test('lose none of 50 orders of verbs that end at once', async () => {
    const setUp = await openStore(site.redis.url);
    const ids = Array.from(
      { length: 50 },
      (_, at) => `srv${'abcdefghij'[at % 10]}a${2 + Math.floor(at / 10)}`,
    );
    for (const id of ids) await setUp.registry.register(sampleRecord({ id }), sampleDesired());
    for (const id of ids) {
      const verb = await openStore(site.redis.url, false);
      await verb.registry.orderRetire([id], 0);
      await verb.close();
    }
    await setUp.close();
    const ordered = (await events('--since', '10m')).filter(({ kind }) => kind === 'ordered');
    expect(ordered.map(({ server }) => server)).toEqual(ids);
  });

  test('tell of a restart and of a scale when they begin and when they end', async () => {
    const [row] = await spawned(1);
    expect((await site.call(['restart'])).code).toBe(0);
    expect((await site.call(['scale', '2'])).code).toBe(0);
    const fleet = (await events()).filter(({ server }) => server === null);
    expect(fleet.map(({ kind, by, why: words }) => [kind, by, words])).toEqual([
      ['restart-begun', 'restart', `1 to replace: ${row?.id}`],
      ['restart-ended', 'restart', '1 replaced'],
      ['scaled', 'scale', '2 servers here, instead of 1'],
    ]);
  });

  test('tell of servers that `scale 0` stops, and that the end of `up` does, who sent the signal', async () => {
    const stoppedBy = async (id: string) => {
      const orders = (await events(id)).filter(({ kind }) => kind === 'ordered');
      return orders.map(({ by, why: words }) => [by, words]).sort();
    };
    const [row] = await spawned(1);
    expect((await site.call(['scale', '0'])).code).toBe(0);
    const toFinish = 'to finish within 30 s';
    expect(await stoppedBy(row?.id ?? '')).toEqual([
      ['SIGTERM', toFinish],
      ['scale', toFinish],
    ]);
    const up = site.start(['up', '--port', String(await freePort()), '--no-admin']);
    const said = linesOf(up, 'stderr');
    await until('it is up', () => said().some((line) => line.startsWith('Ctrl-C')));
    const [ofUp] = (await site.list()).filter(({ state }) => state === 'up');
    up.kill('SIGINT');
    expect((await finish(up)).code).toBe(0);
    const because = `${toFinish}, because \`up\` ends`;
    expect((await stoppedBy(ofUp?.id ?? '')).at(-1)).toEqual(['up', because]);
    expect(await why(ofUp?.id ?? '')).toMatch(
      new RegExp(`up \\(.*\\) told it to leave, ${because}(?!.*SIGTERM)`),
    );
  });

  test('of a server that never got ready say so', async () => {
    const { code } = await site.call(['spawn', '--', 'false']);
    expect(code).not.toBe(0);
    const [begin, end] = await events();
    expect([begin?.kind, end?.kind, end?.server]).toEqual(['spawned', 'gone', begin?.server]);
    expect(end?.why).toMatch(/^it did not get ready: /);
  });

  test('are followed across an outage of Redis, which is told on stderr, until Ctrl-C', async () => {
    const [row] = await spawned(1);
    const follower = site.start(['events', '-f', '-n', '1']);
    const told = linesOf(follower, 'stdout');
    const said = linesOf(follower, 'stderr');
    const ended = finish(follower);
    await until('it prints the last one', () => told().length === 1);
    expect(told()[0]).toContain(`${row?.id} is ready`);
    await site.redis.kill('SIGKILL');
    await until('it says that Redis is away', () => said().length === 1);
    await site.redis.restart();
    await until('it says that it is back', () => said().length === 2);
    const store = await openStore(site.redis.url);
    store.events.note({ kind: 'scaled', by: 'me', why: 'after the outage' });
    await until('it goes on', () => told().some((line) => line.includes('after the outage')));
    await store.close();
    follower.kill('SIGINT');
    const { code, stderr } = await ended;
    expect(code).toBe(130);
    expect(stderr).toMatch(/^meowctl: Redis at .*\nmeowctl: Redis at .* is back\n$/);
  });

  test('end with who reads them, and come one a line as JSON', async () => {
    await spawned(1);
    const follower = site.start(['events', '-f', '--json']);
    const told = linesOf(follower, 'stdout');
    await until('two are there', () => told().length >= 2);
    expect((JSON.parse(told()[0] ?? '') as FleetEvent).kind).toBe('spawned');
    follower.stdout?.destroy();
    const store = await openStore(site.redis.url);
    await until('it has ended', () => {
      store.events.note({ kind: 'scaled', by: 'me' });
      return follower.exitCode !== null;
    });
    await store.close();
  });

  test('that somebody else wrote are skipped and said, escapes and all, whatever they are', async () => {
    await raw.xadd(KEY, '*', 'event', '{"kind":"<script>"}');
    await raw.xadd(KEY, '*', 'colour', 'red');
    await raw.xadd(KEY, '*', 'event', 'x'.repeat(1_000_000));
    const evil = JSON.stringify({ kind: 'scaled', by: '\u001b[31m<script>', why: '\u202e' });
    await raw.xadd(KEY, '*', 'event', evil);
    const { code, stdout, stderr } = await site.call(['events']);
    expect(code).toBe(0);
    expect(stdout).toContain('\\u001b[31m<script> ordered: \\u202e\n');
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
    expect(stderr).toMatch(
      /^meowctl: skipped "\{meow\}:events \d+-\d+": .* 2 more that are not valid\n$/,
    );
  });

  const refused: readonly (readonly [args: string[], code: number, said: string])[] = [
    [['events', 'K3X9AB'], 2, 'id "K3X9AB" is not a server id'],
    [['events', '\u001b[31m'], 2, 'id "\\u001b[31m" is not a server id'],
    [['events', 'a'.repeat(300)], 2, `id "${'a'.repeat(79)}…" is not a server id`],
    [['events', '--since', '1e3'], 2, 'time "1e3" is not a stretch of time'],
    [['events', '-n', '-1'], 2, 'number of lines "-1" is not valid'],
    [['events', '--folow'], 2, 'unknown option "--folow"'],
    [['events', 'abc234'], 3, 'no events of server abc234'],
    [['why'], 2, 'missing required argument "what"'],
    [['why', 'a b'], 2, '"a b" is no server, port, time or request'],
    [['why', '\u001b[31m'], 2, '"\\u001b[31m" is no server, port, time or request'],
    [['why', 'abc234'], 3, 'nothing is known of "abc234"'],
    [['why', '3001'], 3, 'nothing is known of "3001"'],
    [['why', '14:03'], 3, 'nothing is known of "14:03"'],
    [['why', '__proto__'], 3, 'nothing is known of "__proto__"'],
  ];
  test.each(refused)('%j is refused with %i', async (args, code, said) => {
    const result = await site.call(args);
    expect([result.code, result.stdout]).toEqual([code, '']);
    expect(result.stderr).toContain(said);
    expect(result.stderr.split('\n').filter(Boolean).length).toBeLessThanOrEqual(2);
  });

  test('under a key of another type are an error that names it; orders go on', async () => {
    const rows = await spawned(2);
    await raw.set(KEY, 'mine');
    const { code, stderr } = await site.call(['events']);
    expect([code, stderr]).toEqual([1, expect.stringContaining(`"${KEY}"`)]);
    expect((await site.call(['destroy', rows[0]?.id ?? ''])).code).toBe(0);
    expect(await raw.get(KEY)).toBe('mine');
  });
});

describe('`why`', () => {
  test('tells of a killed server who started it, that it died, and who took its place', async () => {
    const keeper = site.start(['keep']);
    await until('it keeps', async () => (await raw.keys('{meow}:keeper:*')).length > 0);
    const [row] = await spawned(1);
    if (!row) throw new Error('nothing was spawned');
    sendSignal(row.pid, 'SIGKILL');
    await until('it was started again', async () => (await kindsOf(row.id)).includes('lost'));
    const revived = async () => (await events()).find(({ kind }) => kind === 'revived');
    const next = await until('the next one starts', revived);
    await until('it is ready', async () => (await kindsOf(next.server ?? '')).includes('ready'));
    const told = await why(row.id);
    expect(told).toContain(`${row.id} is not in the fleet any more.\n`);
    expect(told).toMatch(/spawn \(\S+\) started it; (at \S+ )?it was ready on port \d+/);
    expect(told).toContain(`found it dead: its process ${row.pid} ended without leaving.\n`);
    expect(told).toContain(`${next.server} was started in its place at `);
    expect(told).toMatch(/The last that it said:\n {2}\| \d\d:\d\d:\d\d \S+ serves http/);
    expect(await why(String(row.port))).toContain(next.server ?? 'nobody');
    keeper.kill('SIGTERM');
  });

  test('tells how a server ended: its exit code, and its signal where the keeper had started it', async () => {
    const app = join(temporaryFolder(), 'ends.mjs');
    writeFileSync(app, 'export default (q, s) => (q.url === "/3" ? process.exit(3) : s.end());\n');
    const [row] = await spawned(1, '--app', app);
    if (!row) throw new Error('nothing was spawned');
    await ask(row.port, '/3').catch(() => {}); // its server ends
    await until('it is lost', async () => (await site.list())[0]?.state === 'lost');
    const how = `process ${row.pid} ended with exit code 3, without leaving.\n`;
    expect(await why(row.id)).toContain(`Its ${how}`);
    const keeper = site.start(['keep']);
    const next = await until('another is up', async () =>
      (await site.list()).find(({ state }) => state === 'up'),
    );
    expect(await why(row.id)).toContain(`found it dead: its ${how}`);
    sendSignal(next.pid, 'SIGKILL');
    await until('that is lost too', async () => (await kindsOf(next.id)).includes('lost'));
    const signal = `its process ${next.pid} was ended by SIGKILL, without leaving.\n`;
    expect(await why(next.id)).toContain(`found it dead: ${signal}`);
    keeper.kill('SIGTERM');
  });

  test('tells of a lost server, where nobody keeps it, that its process is gone', async () => {
    const [row] = await spawned(1);
    sendSignal(row?.pid ?? Number.NaN, 'SIGKILL');
    await until('it is lost', async () => (await site.list())[0]?.state === 'lost');
    const told = await why(row?.id ?? '');
    expect(told).toContain(`${row?.id} is lost: it sends no heartbeat.\n`);
    expect(told).toContain(`Its process ${row?.pid} is gone, and did not say that it leaves`);
  });

  test('tells of a request which servers failed it, and is asked with the token of the folder', async () => {
    const dies =
      'require("http").createServer((q,s)=>q.url=="/x"?q.socket.destroy():s.end()).listen(process.argv[1],"127.0.0.1")';
    const rows = await spawned(2, '--', process.execPath, '-e', dies, '{port}');
    const [port, adminPort] = [await freePort(), await freePort()];
    const door = site.start(['proxy', '--port', `${port}`, '--admin-port', `${adminPort}`]);
    const ready = () =>
      ask(adminPort, '/readyz').then(
        ({ status }) => status === 200,
        () => false,
      );
    await until('the door is ready', ready);
    const post = { method: 'POST', body: 'a', headers: { 'x-request-id': 'order-17' } };
    expect((await ask(port, '/x', post)).status).toBe(502);
    const told = await why('order-17');
    expect(told).toMatch(/^POST \/x came at \S+ and went to \S+, which failed: /);
    expect(told).toContain('A POST that may have reached a server is not repeated.');
    const json = JSON.parse(await why('--json', '--request', 'order-17')) as {
      requests: { tried: string[] }[];
    };
    expect(rows.map(({ id }) => id)).toContain(json.requests[0]?.tried[0]);
    const [hit = ''] = json.requests[0]?.tried ?? [];
    expect(await why(hit)).toContain('1 request that had trouble came by');
    const now = new Date();
    const clock = [now.getHours(), now.getMinutes()].map((part) => `${part}`.padStart(2, '0'));
    expect(await why(clock.join(':'))).toContain('door ');
    sendSignal(door.pid ?? Number.NaN, 'SIGSTOP');
    const { code, stderr } = await site.call(['why', hit]);
    expect(code).toBe(0);
    expect(stderr).toContain(
      `the door here (pid ${door.pid}, admin listener on port ${adminPort}) `,
    );
    expect(stderr).toContain('hangs, or is stopped: no answer within 2 s: ');
    sendSignal(door.pid ?? Number.NaN, 'SIGCONT');
    door.kill('SIGTERM');
  });

  test('tells from the logs alone while Redis is away, and says so', async () => {
    const [row] = await spawned(1);
    const REDIS_URL = `redis://127.0.0.1:${await freePort()}`;
    const told = await site.call(['why', row?.id ?? ''], { env: { REDIS_URL } });
    expect([told.code, told.stderr]).toEqual([
      0,
      expect.stringContaining('refused the connection'),
    ]);
    expect(told.stdout).toContain('The last that it said:');
    expect((await site.call(['why', 'zzz222'], { env: { REDIS_URL } })).code).toBe(4);
  });
});

describe('`describe`', () => {
  test('prints one server with how it was started, without a value of its environment', async () => {
    const program = ['--', process.execPath, '-e', 'setInterval(() => {}, 1e3)'];
    const [row] = await spawned(1, '--no-http', '--env', 'SECRET=top-secret', ...program);
    for (const args of [[], ['--json']]) {
      const { code, stdout, stderr } = await site.call(['describe', row?.id ?? '', ...args]);
      expect([code, stderr]).toEqual([0, '']);
      for (const known of [row?.id, 'SECRET', 'setInterval', 'spawned', `${row?.pid}`]) {
        expect(stdout).toContain(known);
      }
      expect(stdout).not.toContain('top-secret');
    }
  });

  test('finds it by its port; one that is gone, or never was, is not there', async () => {
    const [row] = await spawned(1);
    const byPort = await site.call(['describe', `${row?.port}`, '--json']);
    expect(JSON.parse(byPort.stdout)).toMatchObject({ id: row?.id, state: 'up', doors: [] });
    await site.call(['destroy', row?.id ?? '', '--force']);
    const gone = await site.call(['describe', row?.id ?? '']);
    expect([gone.code, gone.stdout]).toEqual([3, '']);
    expect(gone.stderr).toContain(`server ${row?.id} is gone\n  \`meowctl why ${row?.id}\` tells`);
    expect((await site.call(['describe', 'zzz222'])).code).toBe(3);
    expect((await site.call(['describe', '\u001b[31m'])).code).toBe(2);
    const REDIS_URL = `redis://127.0.0.1:${await freePort()}`;
    expect((await site.call(['describe', 'zzz222'], { env: { REDIS_URL } })).code).toBe(4);
  });
});
