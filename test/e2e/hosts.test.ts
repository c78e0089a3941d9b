import { type ChildProcess, execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Row } from '../../src/cli/output/rows.ts';
import { openSite, type Site } from '../helpers/cli.ts';
import { hostPidOf, openMachine, serversOf } from '../helpers/machine.ts';
import { needs, testWith } from '../helpers/needs.ts';
import { freePort } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';

let site: Site;
let raw: Redis;

beforeAll(async () => {
  site = await openSite();
  raw = new Redis(site.redis.url);
});
afterAll(async () => {
  raw.disconnect();
  await site.close();
});

/** Fleets and state folders of one test. */
function world(namespace: string) {
  const homes: string[] = [];
  const lastly: (() => Promise<unknown>)[] = [];
  const list = () => site.list(namespace);
  return {
    folder(name: string): string {
      const home = join(site.home, namespace, name);
      mkdirSync(home, { recursive: true, mode: 0o700 });
      homes.push(home);
      return home;
    },
    copy(from: string, name: string): string {
      const home = join(site.home, namespace, name);
      execFileSync('cp', ['-a', from, home]);
      homes.push(home);
      return home;
    },
    async machine(name: string, bootId?: string) {
      const machine = await openMachine(site, name, { namespace, ...(bootId ? { bootId } : {}) });
      lastly.push(machine.turnOff);
      return machine;
    },
    list,
    up: async () => (await list()).filter(({ state }) => state === 'up'),
    // By host id; that of a machine's name is shared.
    keepers: () => raw.keys(`{${namespace}}:keeper:${'?'.repeat(16)}`),
    desiredServers: () => raw.hgetall(`{${namespace}}:intents`),
    /** Watches how many servers there are at the same time, until it is asked. */
    mostServers() {
      let most = 0;
      const look = () => {
        most = Math.max(most, serversOf(homes).length);
      };
      const timer = setInterval(look, 200);
      lastly.push(async () => clearInterval(timer));
      return () => most;
    },
    async end() {
      for (const last of lastly) await last();
    },
  };
}

type World = ReturnType<typeof world>;

/** Each in a namespace of its own, so that they run side by side. */
function hostTest(name: string, run: (world: World) => Promise<void>) {
  testWith(needs.machines, name, async () => {
    const own = world(`n${randomUUID().slice(0, 8)}`);
    await run(own).finally(own.end);
  });
}

// Several machines start at once on one: that may take long, and is not what is asked here.
const patientSpawn = ['spawn', '--ready-timeout', '120'];

const hostFile = (home: string) =>
  JSON.parse(readFileSync(join(home, 'host.json'), 'utf8')) as { id: string; bootId: string };

const ids = (rows: readonly Row[]) => rows.map(({ id }) => id).sort();
const ofHost = (rows: readonly Row[], home: string) =>
  rows.filter(({ hostId }) => hostId === hostFile(home).id);

/** What a process that goes on has said so far. */
function listen(child: ChildProcess): () => string {
  let said = '';
  child.stderr?.on('data', (piece: Buffer) => {
    said += piece;
  });
  return () => said;
}

describe.concurrent('machines, played by namespaces', () => {
  hostTest('two of one name keep their own, and never run more than was asked for', async (its) => {
    const [one, two] = [await its.machine('twin'), await its.machine('twin', randomUUID())];
    const [a, b] = [its.folder('a'), its.folder('b')];
    const most = its.mostServers();
    expect(await one.run(a, ...patientSpawn, '2', '-q')).toMatchObject({ code: 0, stderr: '' });
    expect(await two.run(b, ...patientSpawn, '2', '-q')).toMatchObject({ code: 0, stderr: '' });
    const tells = [one.start(a, 'keep'), two.start(b, 'keep')].map(listen);
    await until('both keep', async () => (await its.keepers()).length === 2);
    const before = await its.up();
    expect(before.map(({ host }) => host)).toEqual(Array(4).fill('twin'));
    const [dead] = ofHost(before, a);
    process.kill(hostPidOf(dead?.id ?? ''), 'SIGKILL');
    await until('it is back', async () => {
      const now = await its.up();
      return now.length === 4 && !ids(now).includes(dead?.id ?? '');
    });
    expect(tells.map((told) => told().includes('died'))).toEqual([true, false]);
    const now = await its.up();
    expect(ids(ofHost(now, b))).toEqual(ids(ofHost(before, b)));
    expect(ofHost(now, a)).toHaveLength(2);
    expect(await its.desiredServers()).toEqual(
      Object.fromEntries(ids(now).map((id) => [id, expect.any(String)])),
    );
    expect(most()).toBe(4);
  });

  hostTest(
    'a copy of a state folder in use becomes a host of its own, and says so',
    async (its) => {
      const [one, two] = [await its.machine('twin'), await its.machine('twin')];
      const a = its.folder('a');
      const most = its.mostServers();
      await one.run(a, ...patientSpawn, '2', '-q', '--env', 'SECRET=1');
      one.start(a, 'keep');
      await until('it is kept', async () => (await its.keepers()).length === 1);
      const b = its.copy(a, 'b');
      mkdirSync(join(b, 'wanted'), { recursive: true });
      writeFileSync(join(b, 'wanted', 'list'), 'copied');
      const original = await its.up();
      const spawned = await two.run(b, ...patientSpawn, '-q', '--env', 'SECRET=2');
      expect(spawned.code).toBe(0);
      expect(spawned.stderr).toMatch(/^meowctl: server \w{6} runs on twin .* waiting 6 s/m);
      expect(spawned.stderr).toMatch(
        /^meowctl: this state folder is a copy .* a new host id and a new key/m,
      );
      expect(hostFile(b).id).not.toBe(hostFile(a).id);
      expect(readFileSync(join(b, 'seal.key'))).not.toEqual(readFileSync(join(a, 'seal.key')));
      expect(readdirSync(b).filter((name) => name.startsWith('wanted.set-aside-'))).toHaveLength(1);
      two.start(b, 'keep');
      await until('both keep', async () => (await its.keepers()).length === 2);
      const [own] = ofHost(await its.up(), b);
      process.kill(hostPidOf(own?.id ?? ''), 'SIGKILL');
      const now = await until('it is back', async () => {
        const rows = await its.up();
        return rows.length === 3 && !ids(rows).includes(own?.id ?? '') ? rows : null;
      });
      expect(ids(ofHost(now, a))).toEqual(ids(original));
      expect(await two.run(b, 'down', '--drain-timeout', '2')).toMatchObject({ code: 0 });
      expect(ids(await its.up())).toEqual(ids(original));
      expect(most()).toBe(3);
    },
  );

  hostTest(
    'a copy is known by its boot alone; `down` in it takes nothing from the original',
    async (its) => {
      const a = its.folder('a');
      const one = await its.machine('one');
      await one.run(a, ...patientSpawn, '2', '-q');
      const b = its.copy(a, 'b');
      const two = await its.machine('two', randomUUID());
      const original = ids(await its.up());
      await two.run(b, 'down', '--drain-timeout', '1');
      expect(ids(await its.up())).toEqual(original);
      expect(await two.run(b, 'scale', '1', '-q')).toMatchObject({
        code: 0,
        stderr: expect.stringContaining('a new host id'),
      });
      expect(ids(ofHost(await its.up(), a))).toEqual(original);
      expect(await its.up()).toHaveLength(3);
    },
  );

  hostTest('after a reboot the host keeps its id, and its servers come back', async (its) => {
    const a = its.folder('a');
    const before = await its.machine('box', 'the-first-boot');
    await before.run(a, ...patientSpawn, '2', '-q');
    const was = hostFile(a);
    const gone = ids(await its.up());
    await before.turnOff();
    const after = await its.machine('box', 'the-second-boot');
    const most = its.mostServers();
    const told = listen(after.start(a, 'keep'));
    await until('they are back', async () => {
      const rows = await its.up();
      return rows.length === 2 && rows.every(({ bootId }) => bootId === 'the-second-boot');
    });
    expect(told()).not.toContain('copy');
    expect([hostFile(a).id, hostFile(a).bootId]).toEqual([was.id, 'the-second-boot']);
    const back = await its.up();
    expect(ofHost(back, a)).toHaveLength(2);
    expect(ids(back).filter((id) => gone.includes(id))).toEqual([]);
    expect(Object.keys(await its.desiredServers()).sort()).toEqual(ids(back));
    expect(most()).toBe(2);
  });

  hostTest(
    'one folder in two containers stays one host, whose servers are started once',
    async (its) => {
      const a = its.folder('a');
      const [one, two] = [await its.machine('one'), await its.machine('two')];
      await one.run(a, ...patientSpawn, '-q');
      one.start(a, 'keep');
      await until('it is kept', async () => (await its.keepers()).length === 1);
      const most = its.mostServers();
      const was = hostFile(a);
      expect(await two.run(a, ...patientSpawn, '-q')).toMatchObject({ code: 0, stderr: '' });
      const port = String(await freePort());
      const told = listen(one.start(a, 'up', '-n', '1', '--port', port, '--no-admin'));
      // By then it has looked at what is wanted, and takes nobody for dead who ends later.
      await until('it is up', () => told().includes('Ctrl-C stops'));
      expect(await two.run(a, 'up', '--no-admin')).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('already runs'),
      });
      const both = await its.up();
      expect(both.map(({ hostId }) => hostId)).toEqual([was.id, was.id]);
      expect(
        await one.run(a, 'restart', both.find(({ host }) => host === 'two')?.id ?? ''),
      ).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('is on host two'),
      });
      await two.turnOff();
      const now = await until('the other container has it', async () => {
        const rows = (await its.up()).filter(({ host }) => host === 'one');
        return rows.length === 2 ? rows : null;
      });
      expect(hostFile(a)).toEqual(was);
      expect(now.map(({ host }) => host)).toEqual(['one', 'one']);
      expect(most()).toBe(2);
    },
  );
});

test('two state folders on one machine are two hosts, each with a keeper of its own', async () => {
  const its = world('two-folders');
  const homes = [its.folder('a'), its.folder('b')] as const;
  const [a, b] = homes.map((home) => ({ MEOW_HOME: home, MEOW_NAMESPACE: 'two-folders' }));
  for (const env of [a, b]) await site.call([...patientSpawn, '-q'], { env: env ?? {} });
  const tells = [a, b].map((env) => listen(site.start(['keep'], { env: env ?? {} })));
  await until('both keep', async () => (await its.keepers()).length === 2);
  const [other] = ofHost(await its.up(), homes[1]);
  const [dead] = ofHost(await its.up(), homes[0]);
  process.kill(dead?.pid ?? Number.NaN, 'SIGKILL');
  await until('it is back', async () => {
    const now = await its.up();
    return now.length === 2 && !ids(now).includes(dead?.id ?? '');
  });
  expect(tells.map((told) => told().includes('died'))).toEqual([true, false]);
  expect(ids(ofHost(await its.up(), homes[1]))).toEqual([other?.id]);
  const all = ['destroy', '--all', '--drain-timeout', '1'];
  expect(await site.call(all, { env: { MEOW_NAMESPACE: 'two-folders' } })).toMatchObject({
    code: 0,
  });
});
