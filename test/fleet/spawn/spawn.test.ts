import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defaults } from '../../../src/defaults.ts';
import { NotReadyError } from '../../../src/errors.ts';
import { type Spawned, type SpawnOptions, spawnServers } from '../../../src/fleet/spawn/spawn.ts';
import { logPath } from '../../../src/logs/files.ts';
import { catSpec } from '../../../src/model/app-spec.ts';
import { identify } from '../../../src/process/identity.ts';
import { connectStore } from '../../../src/store/connect.ts';
import type { Store } from '../../../src/store/store.ts';
import { type Bundle, bundleFixture, fixture } from '../../helpers/bundle.ts';
import { killAtEnd, temporaryFolder } from '../../helpers/cleanup.ts';
import { freePort, startRedis, type TestRedis } from '../../helpers/redis.ts';
import { until } from '../../helpers/until.ts';
import { catWith } from '../../helpers/variables.ts';

let redis: TestRedis;
let store: Store;
let retiring: Bundle;

beforeAll(async () => {
  redis = await startRedis(['--requirepass', 'hush-hush']);
  const url = redis.url.replace('//', '//:hush-hush@');
  const limits = { connectMs: 5_000, commandMs: 5_000, settings: defaults };
  store = await connectStore({ url, namespace: 'meow', ...limits, persistent: false });
  retiring = await bundleFixture('retiring-server.ts');
});

afterAll(async () => {
  await store.close();
  await redis.stop();
  retiring.remove();
});

function deps(cliPath: string, home = temporaryFolder()) {
  return {
    registry: store.registry,
    execPath: process.execPath,
    cliPath,
    childEnv: { PATH: '/usr/bin:/bin' },
    redisUrl: redis.url.replace('//', '//:hush-hush@'),
    namespace: 'meow',
    home,
    settings: defaults,
  };
}

function options(change: Partial<SpawnOptions> = {}): SpawnOptions {
  const listen = { fixedPort: null, listenHost: '127.0.0.1', advertise: null };
  return { count: 1, spec: catSpec, ...listen, readyTimeoutMs: 20_000, ...change };
}

async function spawnAndCleanUp(...args: Parameters<typeof spawnServers>): Promise<Spawned> {
  const spawned = await spawnServers(...args);
  for (const { pid } of spawned.started) killAtEnd(pid);
  return spawned;
}

describe('spawn', () => {
  test('gives the record of a server that is ready, and it runs on', async () => {
    const { started, failed } = await spawnAndCleanUp(deps(retiring.file), options());
    expect(failed).toEqual([]);
    const [record] = started;
    expect(record).toMatchObject({ app: 'fixture', state: 'up' });
    const { servers, desiredServers } = await store.registry.fleet();
    expect(servers.map(({ record: { id } }) => id)).toContain(record?.id);
    expect(desiredServers.get(record?.id ?? '')?.state).toBe('wanted');
  });

  test('hands settings over by environment, never on the command line', async () => {
    const { started } = await spawnAndCleanUp(
      deps(retiring.file),
      options({ advertise: 'cat.lan' }),
    );
    const [{ id, pid } = { id: '', pid: 0 }] = started;
    const line = identify(pid)?.commandLine.slice(2);
    const rest = ['--spawned', '--host', '127.0.0.1', '--advertise', 'cat.lan'];
    expect(line).toEqual(['serve', '--id', id, ...rest]);
    const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
    expect(environment).toContain(`REDIS_URL=${redis.url.replace('//', '//:hush-hush@')}`);
    expect(environment).toContain('MEOW_NAMESPACE=meow');
  });

  test('twenty times at once gives twenty servers on twenty ports', async () => {
    const home = temporaryFolder();
    const one = deps(fixture('binds-a-port.mjs'), home);
    const spawns = Array.from({ length: 20 }, () => spawnAndCleanUp(one, options()));
    const started = (await Promise.all(spawns)).flatMap((spawned) => spawned.started);
    expect(new Set(started.map(({ port }) => port)).size).toBe(20);
    expect(new Set(started.map(({ id }) => id)).size).toBe(20);
  });

  test('starts many a few at a time', async () => {
    let running = 0;
    let most = 0;
    const { started } = await spawnAndCleanUp(
      {
        ...deps(fixture('binds-a-port.mjs')),
        get execPath() {
          most = Math.max(most, ++running);
          return process.execPath;
        },
      },
      options({ count: 10, onStarted: () => running-- }),
    );
    expect(started.length).toBe(10);
    expect(most).toBe(defaults.spawnsInParallel);
  });

  test('of one port by many at once gives it to one, names it to the rest, leaves no child', async () => {
    const fixedPort = await freePort();
    const home = temporaryFolder();
    const one = deps(fixture('binds-a-port.mjs'), home);
    const spawns = Array.from({ length: 6 }, () => spawnAndCleanUp(one, options({ fixedPort })));
    const all = await Promise.all(spawns);
    expect(all.flatMap(({ started }) => started).map(({ port }) => port)).toEqual([fixedPort]);
    const failed = all.flatMap((spawned) => spawned.failed);
    expect(failed.map(({ exitCode }) => exitCode)).toEqual([1, 1, 1, 1, 1]);
    expect(failed[0]?.message).toBe(`port ${fixedPort} is in use`);
  });

  test('that partly fails keeps the good ones and says which failed, with its log', async () => {
    const home = temporaryFolder();
    const bad = await spawnServers(deps(fixture('dies-at-start.mjs'), home), options());
    expect(bad.started).toEqual([]);
    const [error] = bad.failed;
    expect(error).toBeInstanceOf(NotReadyError);
    expect(error).toMatchObject({ exitCode: 5, logTail: ['reading settings', expect.any(String)] });
    const id = /^server ([a-z2-9]{6}) ended with exit code 3/.exec(error?.message ?? '')?.[1] ?? '';
    expect(error?.remedy).toContain(logPath(home, id));
  });

  test('removes what a server wrote that was not ready in time', async () => {
    const fleet = () => store.registry.fleet();
    const before = await fleet();
    const here = deps(retiring.file);
    const mute = catWith(here.home, { FIXTURE: 'mute' });
    const { failed } = await spawnServers(here, options({ spec: mute, readyTimeoutMs: 3_000 }));
    expect(failed.map(({ exitCode }) => exitCode)).toEqual([5]);
    const after = await fleet();
    expect(after.servers.length).toBe(before.servers.length);
    expect(after.desiredServers.size).toBe(before.desiredServers.size);
  });

  test('that is interrupted stops what is not ready, and names how far it got', async () => {
    const interruption = new AbortController();
    const home = temporaryFolder();
    const wait = options({ count: 3, signal: interruption.signal, termGraceMs: 100 });
    const spawned = spawnServers(deps(fixture('ignores-sigterm.mjs'), home), wait);
    await until('a child lives', () => deafPids(home).length > 0);
    interruption.abort();
    const { started, failed } = await spawned;
    expect(started).toEqual([]);
    expect(failed.map(({ exitCode }) => exitCode)).toEqual([130]);
    expect(failed[0]?.message).toBe('interrupted with 0 of 3 servers ready');
    expect(failed[0]?.remedy).toBe('Those that were starting were stopped');
    expect(deafPids(home).filter((pid) => identify(pid) !== null)).toEqual([]);
  });

  test('sweeps records that were lost a minute ago, while it starts', async () => {
    const asked: number[] = [];
    const registry = {
      forget: store.registry.forget,
      fleet: store.registry.fleet,
      note: store.registry.note,
      sweep: (lostForMs: number) => {
        asked.push(lostForMs);
        return store.registry.sweep(lostForMs);
      },
    };
    await spawnAndCleanUp(
      { ...deps(fixture('binds-a-port.mjs')), registry },
      options({ count: 2 }),
    );
    expect(asked).toEqual([60_000]);
  });
});

function logsOf(home: string): string[] {
  if (!existsSync(join(home, 'logs'))) return [];
  const names = readdirSync(join(home, 'logs'));
  return names.map((name) => readFileSync(join(home, 'logs', name), 'utf8'));
}

function deafPids(home: string): number[] {
  const found = logsOf(home).map((text) => /deaf (\d+)/.exec(text)?.[1]);
  return found.filter((pid) => pid !== undefined).map(Number);
}
