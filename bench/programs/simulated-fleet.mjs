// Servers, and a keeper for each host, in one process: what runs is meowctl's own code out of src/, of
// which lib/simulated-fleet.mjs makes one file. Told by messages, and answers each.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { defaults } from '../../src/defaults.ts';
import { DesiredState } from '../../src/fleet/desired/desired-state.ts';
import { Reconciler } from '../../src/fleet/reconciler/reconciler.ts';
import { createId } from '../../src/ids.ts';
import { inParallel } from '../../src/in-parallel.ts';
import { catSpec } from '../../src/model/app-spec.ts';
import { thisMachine } from '../../src/process/identity.ts';
import { serve } from '../../src/server/serve.ts';
import { connectStore } from '../../src/store/connect.ts';

const {
  REDIS_URL: url = '',
  MEOW_NAMESPACE: namespace = '',
  BENCH_FOLDER: folder = '',
  BENCH_VERSION: version = '',
} = process.env;
const FIRST_PORT = 20_000;
const STARTS_AT_ONCE = 20;
const DRAIN_MS = 30_000;
const LOOK_MS = 10;
const KNOWN_MS = 180_000;

const hosts = [];
const servers = new Map();
const store = await openStore();

function openStore() {
  return connectStore({
    ...{ url, namespace, persistent: true, settings: defaults },
    connectMs: KNOWN_MS, // all of them share one process and its core
    commandMs: KNOWN_MS,
    onTrouble: say,
  });
}

function say(line) {
  process.stderr.write(`${line}\n`);
}

async function addHost() {
  const at = hosts.length;
  const home = join(folder, `host-${at}`);
  mkdirSync(home, { mode: 0o700 });
  const machine = { ...thisMachine(home), host: `host-${at}` };
  const own = await openStore();
  const { registry, desiredServers } = own;
  const common = { home, namespace, machine, registry, desiredServers };
  const desired = await DesiredState.open({
    ...{ ...common, address: own.label, pendingKeepMs: defaults.pendingKeepMs, env: {}, say() {} },
  });
  const keeper = new Reconciler({
    ...{ ...common, desired, settings: { ...defaults, namespace } },
    ...{ execPath: process.execPath, cliPath: '', childEnv: {}, redisUrl: url },
    ...{ onStarted() {}, log: say },
  });
  keeper.start();
  const address = `127.1.${Math.floor(at / 250)}.${(at % 250) + 1}`;
  hosts.push({ address, machine, keeper, store: own, port: FIRST_PORT });
}

/**
 * As its host would have asked for it, and signed: only that its keeper does not have it in its folder.
 * @returns {import('../../src/model/desired-server.ts').DesiredServer}
 */
function desiredOf(id, { machine, address }, port) {
  const { host, hostId, bootId, pidNs, pid, pidStart } = machine;
  return {
    ...{ id, host, hostId, bootId, pidNs, pid, pidStart, port, namespace },
    ...{ seal: 'x'.repeat(64), app: 'cat', spec: catSpec, fixedPort: false, listenHost: address },
    ...{ advertise: null, state: 'wanted' },
  };
}

async function addServer(at) {
  const host = hosts[at % hosts.length];
  const port = host.port++;
  const id = createId();
  const own = await openStore();
  const desired = desiredOf(id, host, port);
  const ownDesired = {
    register: (record) => own.registry.register(record, desired).then(() => true),
    ...{
      current: () => desired,
      restarts: () => 0,
      follow: () => false,
      drop() {},
      stop: () => null,
    },
  };
  const createApp = () => ({
    request: (_, response) => response.end('hello'),
    upgrade: null,
  });
  const limits = { ...defaults, probeTimeoutMs: KNOWN_MS };
  const server = await serve(
    { store: own, ownDesired, createApp, log: say },
    {
      ...{ id, spec: catSpec, version, listenHost: host.address, fixedPort: port, firstPort: null },
      ...{ replaces: null, advertise: null, machine: host.machine, drainMs: DRAIN_MS, limits },
    },
  );
  servers.set(id, { server, store: own });
  return id;
}

/** What of these doors does not say this of a server: looked for in what they publish. */
async function doorsWithout(said) {
  const { doors } = await store.registry.around();
  return doors.filter(({ roster }) => !said(roster)).length;
}

async function untilAllDoors(sinceMs, said) {
  while ((await doorsWithout(said)) > 0) {
    if (performance.now() - sinceMs > KNOWN_MS) throw new Error('a door does not hear of it');
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return performance.now() - sinceMs;
}

const told = {
  /** Brings it to so many servers, on a tenth as many hosts. */
  async grow({ count }) {
    while (hosts.length < count / 10) await addHost();
    const from = servers.size;
    const wanted = Array.from({ length: count - from }, (_, at) => from + at);
    const beganMs = performance.now();
    await inParallel(wanted, STARTS_AT_ONCE, async (at) => void (await addServer(at)));
    await untilAllDoors(performance.now(), (roster) =>
      [...servers.keys()].every((id) => roster[id]?.state === 'usable'),
    );
    return performance.now() - beganMs;
  },
  /** One server more, and then none: how long until every door knows each, ms. */
  async change() {
    const registered = performance.now();
    const id = await addServer(servers.size);
    const used = await untilAllDoors(registered, (roster) => roster[id]?.state === 'usable');
    const ordered = performance.now();
    await store.registry.orderRetire([id], DRAIN_MS);
    const unused = await untilAllDoors(ordered, (roster) => roster[id]?.state !== 'usable');
    await servers.get(id).server.ended;
    const gone = await untilAllDoors(ordered, (roster) => roster[id] === undefined);
    await servers.get(id).store.close();
    servers.delete(id);
    return { used, unused, gone };
  },
  async end() {
    for (const { keeper } of hosts) await keeper.stop();
    for (const each of [...hosts, ...servers.values(), { store }]) await each.store.close();
    setImmediate(() => process.exit(0));
  },
};

process.on('message', async ({ id, verb, ...how }) => {
  try {
    process.send?.({ id, done: await told[verb](how) });
  } catch (error) {
    process.send?.({ id, failed: String(error.stack) });
  }
});
process.on('disconnect', () => process.exit(1));
process.send?.({ ready: true });
