import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { defaults } from '../../../src/defaults.ts';
import {
  type Destroyed,
  type DestroyOptions,
  destroyServers,
} from '../../../src/fleet/destroy/destroy.ts';
import { spawnServers } from '../../../src/fleet/spawn/spawn.ts';
import { catSpec } from '../../../src/model/app-spec.ts';
import type { DesiredServer } from '../../../src/model/desired-server.ts';
import type { ServerRecord } from '../../../src/model/server-record.ts';
import { identify, thisMachine } from '../../../src/process/identity.ts';
import { connectStore } from '../../../src/store/connect.ts';
import type { Store } from '../../../src/store/store.ts';
import { type Bundle, bundleFixture } from '../../helpers/bundle.ts';
import { killAtEnd, temporaryFolder } from '../../helpers/cleanup.ts';
import { startRedis, type TestRedis } from '../../helpers/redis.ts';
import { sampleDesired } from '../../helpers/store.ts';
import { until } from '../../helpers/until.ts';
import { catWith } from '../../helpers/variables.ts';

let redis: TestRedis;
let retiring: Bundle;
let store: Store;
/** Longer than a test may take: what waits for it has failed. */
const FOR_EVER_MS = 3_600_000;
const ELSEWHERE = 'e'.repeat(16);

let namespace = 0;
/** The host of every test here; made before each. */
let home = '';

beforeAll(async () => {
  redis = await startRedis();
  retiring = await bundleFixture('retiring-server.ts');
});

afterAll(async () => {
  await redis.stop();
  retiring.remove();
});

beforeEach(async () => {
  namespace += 1;
  home = temporaryFolder();
  store = await connect();
});

/** As another run of the command line would. Each test has a fleet of its own. */
async function connect(): Promise<Store> {
  const limits = { connectMs: 5_000, commandMs: 5_000, persistent: false, settings: defaults };
  const opened = await connectStore({ url: redis.url, namespace: `t${namespace}`, ...limits });
  onTestFinished(() => opened.close());
  return opened;
}

async function start(count: number, env: Record<string, string> = {}): Promise<ServerRecord[]> {
  const program = { execPath: process.execPath, cliPath: retiring.file, home };
  const place = { redisUrl: redis.url, namespace: `t${namespace}`, childEnv: {} };
  const listen = { fixedPort: null, listenHost: '127.0.0.1', advertise: null };
  const { started, failed } = await spawnServers(
    { registry: store.registry, ...program, ...place, settings: defaults },
    { count, spec: catWith(home, env), ...listen, readyTimeoutMs: 20_000 },
  );
  for (const { pid } of started) killAtEnd(pid);
  expect(failed).toEqual([]);
  return [...started];
}

/** It ends by force what has not left when its requests may have been finished. */
const settings = { ...defaults, drainGraceMs: 0, termGraceMs: 200 };

function destroy(
  targets: readonly string[],
  change: Partial<DestroyOptions> = {},
  by = store,
): Promise<Destroyed> {
  const usual = { all: false, force: false, drainMs: 10_000 };
  return destroyServers(
    { registry: by.registry, home, settings },
    { targets, ...usual, ...change },
  );
}

function alive({ pid, pidStart }: ServerRecord): boolean {
  return identify(pid)?.start === pidStart;
}

const ids = (records: readonly { readonly id: string }[]) => records.map(({ id }) => id);

async function recorded(): Promise<string[]> {
  const { servers } = await store.registry.fleet();
  return servers.map(({ record }) => record.id).sort();
}

/** A record as a server elsewhere, or one that is long gone, has left it. */
function foreign(change: Partial<ServerRecord>): ServerRecord {
  const machine = { ...thisMachine(home), pid: 2 ** 22 + 1, pidStart: '1' };
  const place = {
    id: 'gone23',
    url: 'http://127.0.0.1:3999',
    port: 3_999,
    app: 'cat',
    version: '1',
  };
  return { ...place, ...machine, state: 'up', startedAt: 1, requests: 0, inflight: 0, ...change };
}

describe('destroy', () => {
  test('asks a server to leave, and ends when its process and its record are gone', async () => {
    const [one, two] = await start(2, { DRAIN_MS: '300' });
    const { gone, failed } = await destroy([one?.id ?? '']);
    expect(failed).toEqual([]);
    expect(gone).toEqual([one]);
    expect([one, two].map((server) => server && alive(server))).toEqual([false, true]);
    const { servers, desiredServers } = await store.registry.fleet();
    expect([ids(servers.map(({ record }) => record)), [...desiredServers.keys()]]).toEqual([
      [two?.id],
      [two?.id],
    ]);
  });

  test('takes out, too, what takes the place of a dead one just before it is ordered', async () => {
    const [living] = await start(1);
    const dead = foreign({ pid: 2 ** 22 + 1 });
    await store.registry.register(dead, {
      ...sampleDesired(),
      ...thisMachine(home),
      pid: dead.pid,
    });
    const revived = {
      ...sampleDesired({ replaces: dead.id }),
      ...thisMachine(home),
      pid: dead.pid,
    };
    const next = foreign({ id: 'next23' });
    const fleet = async () => {
      const view = await store.registry.fleet();
      const text = (await store.desiredServers.text(dead.id)) ?? '';
      await store.desiredServers.succeed({ id: dead.id, text }, next, revived);
      return view;
    };
    const registry = { ...store.registry, fleet };
    const asked = { targets: [dead.id], all: false, force: true, drainMs: 100 };
    await destroyServers({ registry, home, settings }, asked);
    const { desiredServers } = await store.registry.fleet();
    expect([...desiredServers.keys()]).toEqual([living?.id]);
  });

  test('without a name takes a random one, but not the last', async () => {
    const servers = await start(3);
    const first = await destroy([]);
    const second = await destroy([]);
    expect(new Set(ids([...first.gone, ...second.gone])).size).toBe(2);
    await expect(destroy([])).rejects.toMatchObject({ code: 'last-server', exitCode: 1 });
    expect(servers.filter(alive).length).toBe(1);
  });

  test('without a name takes one that is there, not one that has gone since it looked', async () => {
    const servers = await start(2);
    const leaving = [...'abcdefghijkmnpqrstuv'].map((letter) => foreign({ id: `gone${letter}2` }));
    for (const record of leaving) await store.registry.register(record, null);
    const fleet = async () => {
      const view = await store.registry.fleet();
      for (const { id } of leaving) await store.registry.forget(id);
      return view;
    };
    const asked = { targets: [], all: false, force: false, drainMs: 10_000 };
    const { gone } = await destroyServers(
      { registry: { ...store.registry, fleet }, home, settings },
      asked,
    );
    expect(servers.map(({ id }) => id)).toContain(gone[0]?.id);
    expect(servers.filter(alive)).toHaveLength(1);
  });

  test('many times at once without a name takes all but one', async () => {
    const servers = await start(3, { DRAIN_MS: '200' });
    const runs = await Promise.all(Array.from({ length: 8 }, connect));
    const ends = await Promise.allSettled(runs.map((run) => destroy([], {}, run)));
    const gone = ends.flatMap((end) => (end.status === 'fulfilled' ? end.value.gone : []));
    expect(new Set(ids(gone)).size).toBe(2);
    expect(gone.length).toBe(2);
    expect(servers.filter(alive).length).toBe(1);
  });

  test('of the last is refused by id, port and together, and done with force', async () => {
    const [one, two] = await start(2);
    const both = [one?.id ?? '', String(two?.port)];
    await expect(destroy(both)).rejects.toMatchObject({ exitCode: 1 });
    expect(await recorded()).toEqual(
      ids([one, two].filter((server) => server !== undefined)).sort(),
    );
    await destroy([one?.id ?? '']);
    await expect(destroy([two?.url ?? ''])).rejects.toThrow(
      `server ${two?.id} on port ${two?.port} is the last one`,
    );
    expect(ids((await destroy([two?.url ?? ''], { force: true })).gone)).toEqual([two?.id]);
  });

  test('of all takes all, and of none is no error', async () => {
    const servers = await start(2);
    expect(ids((await destroy([], { all: true })).gone).sort()).toEqual(ids(servers).sort());
    expect(await destroy([], { all: true })).toEqual({ asked: 0, gone: [], failed: [] });
    expect(servers.filter(alive)).toEqual([]);
  });

  test('of the same id ten times at once does it once; the rest find it done', async () => {
    const [one] = await start(2, { DRAIN_MS: '100' });
    const runs = await Promise.all(Array.from({ length: 10 }, connect));
    const ends = await Promise.allSettled(runs.map((run) => destroy([one?.id ?? ''], {}, run)));
    const codes = ends.map((end) => (end.status === 'fulfilled' ? 0 : end.reason.exitCode));
    expect(codes).toContain(0);
    expect(codes.filter((code) => code !== 0 && code !== 3)).toEqual([]);
    await expect(destroy([one?.id ?? ''])).rejects.toMatchObject({ exitCode: 3 });
    expect((await recorded()).length).toBe(1);
  });

  test('of several names of which one is unknown does nothing', async () => {
    const [one] = await start(1);
    const names = [one?.id ?? '', 'zzzzzz'];
    await expect(destroy(names, { force: true })).rejects.toMatchObject({ exitCode: 3 });
    await expect(destroy([String(one?.pid)])).rejects.toMatchObject({ exitCode: 3 });
    expect(one && alive(one)).toBe(true);
    expect((await store.registry.fleet()).desiredServers.size).toBe(1);
  });

  test('of none that is up says how to start one', async () => {
    await expect(destroy([])).rejects.toMatchObject({
      exitCode: 3,
      message: 'no server is up',
      remedy: 'Start one with `meowctl spawn`',
    });
  });

  test('reaches a server although Redis was emptied after the order', async () => {
    const [one] = await start(1);
    const { id = '', pid = 0 } = one ?? {};
    process.kill(pid, 'SIGSTOP');
    const destroyed = destroy([id], { force: true });
    const ordered = async () => !(await store.registry.fleet()).desiredServers.has(id);
    await until('the order is written', ordered);
    const client = new Redis(redis.url);
    await client.flushall();
    client.disconnect();
    process.kill(pid, 'SIGCONT');
    expect(await destroyed).toEqual({ asked: 1, gone: [one], failed: [] });
    // One that is ending may be seen for some ms more.
    await until('its process is gone', () => one && !alive(one));
  });

  test('gives up when it is interrupted; the order stands', async () => {
    const [one] = await start(1, { DRAIN_MS: '1000' });
    const interruption = new AbortController();
    const destroyed = destroy([one?.id ?? ''], { force: true, signal: interruption.signal });
    interruption.abort();
    await expect(destroyed).rejects.toMatchObject({ exitCode: 130 });
    await until('it leaves all the same', () => one && !alive(one));
  });
});

test('destroy tells of a server that has left whether its app had to be killed, however long that may take', async () => {
  const [one, other] = await start(2, { KILLED_MS: '60000' });
  const said: string[] = [];
  const say = (line: string) => said.push(line);
  const { gone, failed } = await destroy([one?.id ?? ''], { drainMs: 0, say });
  expect([failed, gone]).toEqual([[], [{ ...one, killedAfterMs: 60_000 }]]);
  expect(said).toEqual([
    `server ${one?.id} on port ${one?.port}: "fixture" did not end by itself: killed after 60 s`,
  ]);
  // Nobody else asks, and it is not kept for ever.
  expect(await store.registry.killedAfter(other?.id ?? '')).toBe(null);
});

describe('destroy ends by force', () => {
  test('a server on this host that does not obey, first with SIGTERM', async () => {
    const [one] = await start(1, { FIXTURE: 'stubborn' });
    const { asked, gone, failed } = await destroy([], { all: true, drainMs: 300 });
    expect(asked).toBe(1);
    expect(gone).toEqual([one]);
    expect(failed).toMatchObject([{ code: 'not-drained', exitCode: 5 }]);
    expect(failed[0]?.message).toBe(
      `server ${one?.id} on port ${one?.port} did not leave within 0.3 s, and was ended by SIGTERM`,
    );
    // One that is ending may be seen for some ms more.
    await until('its process is gone', () => one && !alive(one));
    expect(await recorded()).toEqual([]);
  });

  test('one that ignores SIGTERM, with SIGKILL after its grace', async () => {
    const [one] = await start(1, { FIXTURE: 'deaf' });
    const { failed } = await destroy([], { all: true, drainMs: 300 });
    expect(failed[0]?.message).toContain('was ended by SIGKILL');
    // One that is ending may be seen for some ms more.
    await until('its process is gone', () => one && !alive(one));
  });

  test('one that is stopped', async () => {
    const [one] = await start(1);
    process.kill(one?.pid ?? Number.NaN, 'SIGSTOP');
    const { failed } = await destroy([], { all: true, drainMs: 300 });
    expect(failed[0]?.message).toContain('was ended by SIGKILL');
    // One that is ending may be seen for some ms more.
    await until('its process is gone', () => one && !alive(one));
    expect(await recorded()).toEqual([]);
  });

  test('never one that got the pid of a server: right start time, wrong command line', async () => {
    const [bystander] = await start(1, { FIXTURE: 'deaf' });
    const { pid = 0, pidStart = '' } = bystander ?? {};
    await store.registry.register(foreign({ pid, pidStart }), null);
    const { gone, failed } = await destroy(['gone23'], { drainMs: 300 });
    expect(gone).toEqual([]);
    expect(failed).toMatchObject([{ exitCode: 5 }]);
    expect(failed[0]?.message).toContain(`it cannot be verified by its pid ${pid}`);
    expect(bystander && alive(bystander)).toBe(true);
  });

  test('never one on another host: the order stands', async () => {
    const bystander = thisMachine(home);
    const host = {
      hostId: ELSEWHERE,
      host: 'elsewhere',
      pid: bystander.pid,
      pidStart: bystander.pidStart,
    };
    await store.registry.register(foreign(host), null);
    const { gone, failed } = await destroy(['gone23'], { force: true, drainMs: 200 });
    expect(gone).toEqual([]);
    expect(failed[0]?.message).toBe(
      'server gone23 on port 3999 did not leave within 0.2 s; it is on host elsewhere',
    );
    expect((await store.registry.beat(foreign(host), null)).order?.order).toBe('retire');
  });
});

describe('destroy of what no longer runs', () => {
  test('waits for all that is lost on other hosts together, says it at once, and in one line', async () => {
    const ofOthers = Array.from({ length: 30 }, (_, at) => {
      const port = 4_000 + at;
      const id = `gone${String.fromCharCode(97 + (at % 26))}${at < 26 ? 'a' : 'b'}`;
      const there = { hostId: ELSEWHERE, host: 'elsewhere', url: `http://127.0.0.1:${port}` };
      return foreign({ ...there, id, port });
    });
    for (const record of ofOthers) await store.registry.register(record, null);
    await endLeases();
    const lines: string[] = [];
    const say = (line: string) => lines.push(line);
    const { gone, failed } = await destroy([], { all: true, drainMs: 100, say });
    expect([gone, lines.length, failed.length]).toEqual([[], 1, 1]);
    expect(lines[0]).toMatch(/^30 lost servers are not this host's to end \(gone.. on elsewhere, /);
    expect(failed[0]?.message).toMatch(/^30 servers of other hosts did not leave: .* and 25 more$/);
    expect(failed[0]?.exitCode).toBe(5);
  });

  test('forgets at once a lost server of this host whose process is gone', async () => {
    await store.registry.register(foreign({}), null);
    await endLeases();
    const { gone } = await destroy(['gone23'], { drainMs: FOR_EVER_MS });
    expect(ids(gone)).toEqual(['gone23']);
    expect(await recorded()).toEqual([]);
  });

  test('forgets one that was lost in a reboot', async () => {
    const { pid, pidStart } = thisMachine(home);
    await store.registry.register(foreign({ bootId: 'before', pid, pidStart }), null);
    await endLeases();
    expect(ids((await destroy(['3999'])).gone)).toEqual(['gone23']);
  });

  test('removes the desired server of an id that has only that', async () => {
    const {
      version: _,
      url: __,
      state: ___,
      ...record
    } = foreign({ hostId: ELSEWHERE, host: 'elsewhere' });
    const listen = { listenHost: '127.0.0.1', advertise: null, fixedPort: false };
    const desired: DesiredServer = { ...record, spec: catSpec, ...listen, state: 'wanted' };
    await store.registry.register(foreign({}), desired);
    await store.registry.deregister('gone23');
    expect(ids((await destroy(['gone23'])).gone)).toEqual(['gone23']);
    expect((await store.registry.fleet()).desiredServers.size).toBe(0);
  });
});

/** As if a lease had passed, without the wait for it. */
async function endLeases(): Promise<void> {
  const client = new Redis(redis.url);
  const { servers } = await store.registry.fleet();
  const over = servers.flatMap(({ record }) => [Date.now() - 1, record.id]);
  await client.zadd(`{t${namespace}}:leases`, ...over);
  client.disconnect();
}
