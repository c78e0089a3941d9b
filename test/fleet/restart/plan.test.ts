import { spawn } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { type PlanOptions, planRestart } from '../../../src/fleet/restart/plan.ts';
import { type AppSpec, catSpec } from '../../../src/model/app-spec.ts';
import type { SignedServer } from '../../../src/model/desired-server.ts';
import type { FleetView } from '../../../src/model/fleet-view.ts';
import { identify, thisMachine } from '../../../src/process/identity.ts';
import { killAtEnd, temporaryFolder } from '../../helpers/cleanup.ts';
import { sampleDesired, sampleRecord } from '../../helpers/store.ts';
import { until } from '../../helpers/until.ts';

const rest = { env: [], envDigest: null, cwd: '/srv', health: null };
const api: AppSpec = { ...rest, kind: 'module', path: '/srv/api.mjs' };
const worker: AppSpec = { ...rest, kind: 'program', command: ['node', 'w.js'], http: false };

/** A host, and servers of it: each desired unless it says otherwise, and up by its lease. */
function host(servers: Readonly<Record<string, Server>>) {
  const home = temporaryFolder();
  const machine = thisMachine(home);
  const { hostId, host: name, bootId, pidNs } = machine;
  const here = new Map<string, SignedServer>();
  const listings = Object.entries(servers).map(
    ([id, { place = {}, desired, process, ...more }]) => {
      const whose = { id, hostId, host: name, bootId, pidNs, ...process };
      const signed = { registry: 'r', namespace: 'meow', seal: '' };
      if (desired !== null) here.set(id, { ...sampleDesired(desired), ...whose, ...signed });
      const { leaseLeftMs = 5_000 } = more;
      return { record: sampleRecord({ ...whose, ...place }), leaseLeftMs };
    },
  );
  const rest = {
    total: listings.length,
    skipped: [],
    desiredServers: here,
    doors: [],
    registry: 'r',
  };
  const fleet: FleetView = { servers: listings, ...rest };
  const options = { targets: [], force: false, machine, home, childEnv: {} };
  return (change: Partial<PlanOptions> = {}) => planRestart(fleet, here, { ...options, ...change });
}

interface Server {
  readonly place?: Parameters<typeof sampleRecord>[0];
  /** Null for one that runs by hand. */
  readonly desired?: Parameters<typeof sampleDesired>[0] | null;
  readonly process?: { readonly pid: number; readonly pidStart: string };
  readonly leaseLeftMs?: number;
}

const ids = (plan: ReturnType<typeof planRestart>) => plan.map(({ id }) => id);
const elsewhere = { hostId: 'z'.repeat(16), host: 'far' };

async function living(id: string) {
  const args = ['-e', 'setInterval(() => {}, 1000)', 'serve', '--id', id];
  const { pid = 0 } = spawn(process.execPath, args, { stdio: 'ignore' });
  killAtEnd(pid);
  await until('it runs', () => identify(pid)?.commandLine.includes('serve'));
  return { pid, pidStart: identify(pid)?.start ?? '' };
}

describe('a restart without names', () => {
  test('replaces all that this host wants, in their order, and each by what it serves', () => {
    const plan = host({
      aaaaaa: { desired: { spec: api } },
      bbbbbb: {},
      cccccc: { place: elsewhere, desired: null },
      dddddd: { desired: null },
    })();
    expect(ids(plan)).toEqual(['aaaaaa', 'bbbbbb']);
    expect(plan.map(({ next }) => next)).toEqual([api, catSpec]);
  });

  test('brings back what was stopped only where nothing else is wanted here', () => {
    const stopped = { desired: { state: 'stopped' } } as const;
    expect(ids(host({ aaaaaa: stopped, bbbbbb: {} })())).toEqual(['bbbbbb']);
    expect(ids(host({ aaaaaa: stopped, bbbbbb: stopped })())).toEqual(['aaaaaa', 'bbbbbb']);
    const crashed = { desired: { state: 'crashed' } } as const;
    expect(ids(host({ aaaaaa: crashed, bbbbbb: stopped })())).toEqual(['aaaaaa']);
  });

  test('leaves alone what lives in another container of this host, and takes its place once it does not', () => {
    const far = { pidNs: 'pid:[1]' };
    expect(ids(host({ aaaaaa: { place: far }, bbbbbb: {} })())).toEqual(['bbbbbb']);
    expect(ids(host({ aaaaaa: { place: far, leaseLeftMs: -1 } })())).toEqual(['aaaaaa']);
  });

  test('is refused where there is nothing to replace', () => {
    expect(host({ aaaaaa: { desired: null } })).toThrow(expect.objectContaining({ exitCode: 3 }));
  });
});

describe('a restart by name', () => {
  test.each([
    ['runs on another host', { place: elsewhere, desired: null }, 'is on host far'],
    ['was started by hand', { desired: null }, 'was not spawned'],
    ['lives in another container', { place: { pidNs: 'pid:[1]' } }, 'is on host'],
  ])('is refused for one that %s', (_, server, why) => {
    const plan = host({ aaaaaa: server, bbbbbb: {} });
    expect(() => plan({ targets: ['aaaaaa'] })).toThrow(why);
    expect(ids(plan({ targets: ['bbbbbb'] }))).toEqual(['bbbbbb']);
  });
});

describe('a server with a port of its own', () => {
  test('is replaced only with force while it runs, and always once it is dead', async () => {
    const desired = { fixedPort: true };
    const plan = host({ aaaaaa: { desired, process: await living('aaaaaa') } });
    expect(() => plan()).toThrow('has port 3001 for its own');
    expect(ids(plan({ force: true }))).toEqual(['aaaaaa']);
    expect(ids(host({ aaaaaa: { desired } })())).toEqual(['aaaaaa']);
  });
});

describe('a change of settings', () => {
  const asked = (spec: Partial<AppSpec>, more = {}) => ({
    change: { spec: { ...catSpec, ...spec } as AppSpec, isNamed: false, ...more },
  });

  test('goes to the successors, and leaves what was asked for as it was', () => {
    const [server] = host({ aaaaaa: { desired: { spec: api } } })(asked({ health: '/ok' }));
    expect(server?.next).toMatchObject({
      kind: 'module',
      path: '/srv/api.mjs',
      cwd: '/srv',
      health: '/ok',
    });
    expect(server?.desired.spec).toEqual(api);
  });

  test.each([
    ['an app for several apps', asked({}, { isNamed: true }), 'servers of several apps run'],
    ['a health page for a worker', asked({ health: '/ok' }), 'takes no requests'],
    ['a variable less that none has', asked({}, { withdrawn: ['KEY'] }), '"KEY" is not declared'],
  ])('is refused where it is %s', (_, change, why) => {
    const plan = host({
      aaaaaa: { desired: { spec: api } },
      bbbbbb: { desired: { spec: worker } },
    });
    expect(() => plan(change)).toThrow(expect.objectContaining({ exitCode: 2 }));
    expect(() => plan(change)).toThrow(why);
  });

  test('may be one app for several where they are named', () => {
    const plan = host({
      aaaaaa: { desired: { spec: api } },
      bbbbbb: { desired: { spec: worker } },
    });
    const targets = ['aaaaaa', 'bbbbbb'];
    const next = plan({ targets, ...asked({}, { isNamed: true }) }).map((one) => one.next.kind);
    expect(next).toEqual(['cat', 'cat']);
  });
});
