import { randomInt } from 'node:crypto';
import { rmSync, utimesSync } from 'node:fs';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defaults } from '../../../src/defaults.ts';
import { StoreError } from '../../../src/errors.ts';
import { DesiredState, type DesiredStateDeps } from '../../../src/fleet/desired/desired-state.ts';
import { OwnDesiredServer } from '../../../src/fleet/desired/own-desired-server.ts';
import { asBefore } from '../../../src/fleet/spawn/respawn.ts';
import { type SpawnDeps, spawnServers } from '../../../src/fleet/spawn/spawn.ts';
import { createId } from '../../../src/ids.ts';
import { catSpec } from '../../../src/model/app-spec.ts';
import type { SignedServer } from '../../../src/model/desired-server.ts';
import type { FleetView } from '../../../src/model/fleet-view.ts';
import type { ServerRecord } from '../../../src/model/server-record.ts';
import { type ThisProcess, thisMachine } from '../../../src/process/identity.ts';
import { entryPath, readDesired } from '../../../src/state/desired-files.ts';
import type { Store } from '../../../src/store/store.ts';
import { type Bundle, bundleFixture } from '../../helpers/bundle.ts';
import { temporaryFolder } from '../../helpers/cleanup.ts';
import { startRedis, type TestRedis } from '../../helpers/redis.ts';
import { openStore, sampleRecord } from '../../helpers/store.ts';

const HOUR_MS = 3_600_000;
const READY_MS = 60_000;
const listen = { spec: catSpec, fixedPort: false, listenHost: '127.0.0.1', advertise: null };

let redis: TestRedis;
let store: Store;
let raw: Redis;
let dying: Bundle;

beforeAll(async () => {
  redis = await startRedis();
  store = await openStore(redis.url);
  raw = new Redis(redis.url);
  dying = await bundleFixture('registers-and-dies.ts');
});
afterAll(async () => {
  raw.disconnect();
  dying.remove();
  await store.close();
  await redis.stop();
});

type Registering = ConstructorParameters<typeof OwnDesiredServer>[0]['registry'];

/** A state folder: what looks at it here, and servers of it in another container. */
async function folder(desiredServers: DesiredStateDeps['desiredServers'] = store.desiredServers) {
  const home = temporaryFolder();
  const machine = thisMachine(home);
  const elsewhere = { ...machine, pidNs: `pid:[${randomInt(1, 1_000)}]` };
  const names = { home, namespace: 'meow', registry: store.registry };
  const address = `${home}/0`;
  const wanted = await DesiredState.open({
    ...names,
    address,
    machine,
    desiredServers,
    pendingKeepMs: HOUR_MS,
    env: {},
    say() {},
  });
  const fleet = { registry: await store.registry.id(), namespace: 'meow' };
  return {
    home,
    look: async (view?: FleetView) => wanted.look(view ?? (await store.registry.fleet())),
    entry: (id: string) => readDesired(home, fleet, id),
    pathOf: (id: string) => entryPath(home, fleet, id),
    record: (id = createId()) => recordOf(elsewhere, id),
    register(record: ServerRecord, registry: Registering = store.registry) {
      const deps = { ...names, registry, desiredServers: store.desiredServers };
      return new OwnDesiredServer(deps, { ...listen, ofUp: false, replaces: null }).register(
        record,
      );
    },
    failInPlaceOf(id: string, registry: SpawnDeps['registry']) {
      const replaces = readDesired(home, fleet, id)?.desired;
      if (!replaces) throw new Error(`${id} is not wanted`);
      const how = { ...asBefore(replaces, defaults), readyTimeoutMs: READY_MS };
      return spawnServers({ ...dyingProgram(home), registry, settings: defaults }, how);
    },
  };
}

function recordOf({ hostId, host, bootId, pidNs }: ThisProcess, id: string): ServerRecord {
  return { ...sampleRecord({ id, host, bootId }), hostId, pidNs };
}

function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

/** How a server is started that registers, and ends before it is ready. */
function dyingProgram(home: string) {
  const env = { execPath: process.execPath, childEnv: { PATH: '/usr/bin:/bin' } };
  return { ...env, cliPath: dying.file, redisUrl: redis.url, namespace: 'meow', home };
}

describe('what is wanted here', () => {
  test('counts a server that another container registers at the moment we look', async () => {
    const [asked, registered] = [gate(), gate()];
    const here = await folder({
      ...store.desiredServers,
      async text(id) {
        const text = await store.desiredServers.text(id);
        asked.open();
        await registered.opened;
        return text;
      },
    });
    const record = here.record();
    let looking: Promise<unknown> = Promise.resolve();
    await here.register(record, {
      id: store.registry.id,
      async register(...it) {
        looking = here.look();
        await asked.opened;
        await store.registry.register(...it);
      },
    });
    registered.open();
    await looking;
    expect(here.entry(record.id)?.pending).toBe(false);
    expect([...(await here.look()).keys()]).toEqual([record.id]);
  });

  test('leaves what no server has registered for yet, and drops it in an hour', async () => {
    const here = await folder();
    const record = here.record();
    const { id } = record;
    const register = () => Promise.reject(new Error('not yet'));
    const never = here.register(record, { id: store.registry.id, register });
    await expect(never).rejects.toThrow('not yet');
    expect((await here.look()).size).toBe(0);
    expect(here.entry(id)?.pending).toBe(true);
    const writtenAt = new Date(Date.now() - 1.1 * HOUR_MS);
    utimesSync(here.pathOf(id), writtenAt, writtenAt);
    expect((await here.look()).size).toBe(0);
    expect(here.entry(id)).toBe(null);
  });

  test('counts a server in another container that Redis has lost, for as long as its lease runs', async () => {
    const here = await folder();
    const record = here.record();
    await here.register(record);
    await raw.hdel('{meow}:intents', record.id);
    expect([...(await here.look()).keys()]).toEqual([record.id]);
    await raw.zrem('{meow}:leases', record.id);
    expect((await here.look()).size).toBe(0);
    expect(here.entry(record.id)).toBe(null);
  });

  test('keeps the order to leave of a server in another container that we saw before it', async () => {
    const here = await folder();
    const record = here.record();
    await here.register(record);
    const seen = await store.registry.fleet();
    await store.registry.orderRetire([record.id], 1_000);
    rmSync(here.pathOf(record.id));
    await here.look(seen);
    expect(await raw.exists(`{meow}:orders:${record.id}`)).toBe(1);
  });

  test('counts the forerunner of a server that failed, at whatever moment we look', async () => {
    const here = await folder();
    const old = here.record();
    await here.register(old);
    await raw.zrem('{meow}:leases', old.id);
    const registry = {
      ...store.registry,
      async forget(id: string, before?: SignedServer, why?: string | null) {
        const given = await store.registry.forget(id, before, why);
        await here.look();
        return given;
      },
    };
    const { failed } = await here.failInPlaceOf(old.id, registry);
    expect(failed[0]?.message).toContain('ended with exit code 3');
    expect([...(await here.look()).keys()]).toEqual([old.id]);
  });

  test('counts a server that took the place of another, where Redis goes away as it fails', async () => {
    const here = await folder();
    const old = here.record();
    await here.register(old);
    const away = () => Promise.reject(new StoreError('unavailable', 'Redis is away', 'Wait'));
    await here.failInPlaceOf(old.id, { ...store.registry, forget: away });
    const [heir, ...others] = (await here.look()).values();
    expect([heir?.replaces, others]).toEqual([old.id, []]);
  });
});
