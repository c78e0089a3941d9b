import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { defaults } from '../../../src/defaults.ts';
import { DesiredState } from '../../../src/fleet/desired/desired-state.ts';
import { OwnDesiredServer } from '../../../src/fleet/desired/own-desired-server.ts';
import { Reconciler } from '../../../src/fleet/reconciler/reconciler.ts';
import { createId } from '../../../src/ids.ts';
import { catSpec } from '../../../src/model/app-spec.ts';
import type { FleetView } from '../../../src/model/fleet-view.ts';
import type { ServerRecord } from '../../../src/model/server-record.ts';
import { thisMachine } from '../../../src/process/identity.ts';
import { prepareStateFolder } from '../../../src/state/folder.ts';
import type { Store } from '../../../src/store/store.ts';
import { temporaryFolder } from '../../helpers/cleanup.ts';
import { startRedis, type TestRedis } from '../../helpers/redis.ts';
import { openStore, sampleRecord } from '../../helpers/store.ts';
import { until } from '../../helpers/until.ts';

/*
 * A reconciler in this process, on a clock that the tests set, with a real Redis and state folder.
 * What it would start is gone from the disk, so each start fails at once.
 */

let redis: TestRedis;
let store: Store;

beforeAll(async () => {
  redis = await startRedis();
  store = await openStore(redis.url);
});
afterAll(async () => {
  await store.close();
  await redis.stop();
});

/** A host that wants one server whose process is gone. */
async function hostWith(change: Partial<ServerRecord> = {}) {
  const home = temporaryFolder();
  prepareStateFolder(home);
  const machine = thisMachine(home);
  const { hostId, host, bootId, pidNs } = machine;
  const record = sampleRecord({ id: createId(), hostId, host, bootId, pidNs, ...change });
  const { registry, desiredServers } = store;
  const namespace = 'meow';
  const asked = { spec: catSpec, fixedPort: false, listenHost: '127.0.0.1', advertise: null };
  const want = (wanted: ServerRecord) =>
    new OwnDesiredServer(
      { home, namespace, registry, desiredServers },
      { ...asked, ofUp: false, replaces: null },
    ).register(wanted);
  await want(record);
  const desired = await DesiredState.open({
    ...{ home, namespace, machine, registry, desiredServers, env: {}, say() {} },
    ...{ address: `${home}/0`, pendingKeepMs: defaults.pendingKeepMs },
  });
  return { home, machine, record, desired, want };
}

type Host = Awaited<ReturnType<typeof hostWith>>;

/** Runs until the test has ended. */
function run(
  { home, machine, desired }: Host,
  see: (view: FleetView) => FleetView | Promise<FleetView> = (view) => view,
  over: { readonly hostRecordKeepMs?: number } = {},
) {
  let nowMs = 1_000;
  let looks = 0;
  const lines: string[] = [];
  const looked = (view: FleetView) => {
    looks += 1;
    return see(view);
  };
  const fleet = async () => looked(await store.registry.fleet());
  const fleetOf = async (ids: readonly string[]) => looked(await store.registry.fleetOf(ids));
  const reconciler = new Reconciler(
    {
      registry: { ...store.registry, fleet, fleetOf },
      ...{ desiredServers: store.desiredServers, desired, machine, home, namespace: 'meow' },
      ...{
        execPath: process.execPath,
        cliPath: '/gone/meowctl.js',
        childEnv: {},
        redisUrl: redis.url,
      },
      settings: { ...defaults, reconcileMs: 10, ...over },
      onStarted() {},
      log: (line) => lines.push(line),
    },
    () => nowMs,
  );
  reconciler.start();
  onTestFinished(() => reconciler.stop());
  const rounds = async (count: number) => {
    const end = looks + count;
    await until(`${count} rounds are over`, () => looks > end);
  };
  return {
    rounds,
    lines,
    async pass(ms: number) {
      nowMs += ms;
      await rounds(2);
    },
  };
}

test('a server that dies at each start is started again after 1, 2, 4 and 8 s, and then left alone', async () => {
  const host = await hostWith();
  const { id, port } = host.record;
  const { lines, pass, rounds } = run(host);
  const name = `server ${id} on port ${port}`;
  const expected: string[] = [];
  for (const seconds of [1, 2, 4, 8]) {
    expected.push(`${name} died; started again in ${seconds} s`);
    await until(`it waits ${seconds} s`, () => lines.at(-1) === expected.at(-1));
    await pass(seconds * 1_000 - 1);
    expect(lines).toEqual(expected);
    await pass(1);
    expected.push(expect.stringContaining(`in place of ${id}: meowctl is gone`));
  }
  const left = `server ${id} died 5 times within 60 s: it is left alone until \`meowctl restart ${id}\``;
  await until('it is left alone', () => lines.at(-1) === left);
  await pass(3_600_000);
  await rounds(5);
  expect(lines).toEqual([...expected, left]);
  expect(host.desired.list().map(({ state }) => state)).toEqual(['crashed']);
  expect((await store.registry.fleet()).desiredServers.get(id)?.state).toBe('crashed');
});

test('one in another container is given up only after a whole lease awake, without a lease of its own', async () => {
  const host = await hostWith({ pidNs: 'pid:[1]' });
  const withoutLeases = (view: FleetView) => ({
    ...view,
    servers: view.servers.map((listing) => ({ ...listing, leaseLeftMs: -1 })),
  });
  const { lines, pass, rounds } = run(host, withoutLeases);
  await rounds(3);
  await pass(3_000);
  await pass(2_999);
  expect(lines).toEqual([]);
  await pass(1);
  await until('its death is told', () => lines.length === 1);
  expect(lines[0]).toContain(`server ${host.record.id} on port`);
});

test('one that came in another container while the host looked at its own servers alone lives', async () => {
  const host = await hostWith({ pidNs: 'pid:[1]' });
  const port = host.record.port + 1;
  const late = { ...host.record, id: createId(), port, url: `http://127.0.0.1:${port}` };
  let isDue = false;
  const see = async (view: FleetView) => {
    if (isDue) await host.want(late);
    isDue = false;
    return view;
  };
  const { lines, pass, rounds } = run(host, see, { hostRecordKeepMs: 3_600_000 });
  await rounds(3);
  await pass(3_000);
  await pass(3_000);
  isDue = true;
  await until('the other one has come', () => host.desired.ids().includes(late.id));
  await rounds(3);
  expect(lines).toEqual([]);
});
