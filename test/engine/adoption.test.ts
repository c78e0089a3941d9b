import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect } from 'vitest';
import type { EngineOptions } from '../../src/engine/config/engine-options.ts';
import type { EngineDoor } from '../../src/engine/engine-door.ts';
import { endOrphans } from '../../src/engine/orphans.ts';
import { identify } from '../../src/process/identity.ts';
import { ask, rotation, startRaw } from '../helpers/clients.ts';
import { type Fleet, startFleet, type TestServer } from '../helpers/door-fleet.ts';
import { type EngineSite, openEngineSite } from '../helpers/engine-site.ts';
import { needs, testWith } from '../helpers/needs.ts';
import { until } from '../helpers/until.ts';

/*
 * One HAProxy and those who look after it, one after the other. With processes of their own:
 * test/e2e/engine.test.ts.
 */

let fleet: Fleet;
let site: EngineSite;

const onHaproxy = (name: string, run: () => unknown) => testWith(needs.haproxy, name, run);
const stateIn = (door: EngineDoor, id: string) =>
  door.servers().find((server) => server.id === id)?.state;
const used = (door: EngineDoor, id: string) =>
  until(`${id} is used`, () => stateIn(door, id) === 'usable');

async function opened(servers: readonly TestServer[], over: Partial<EngineOptions> = {}) {
  const door = await site.open(over);
  for (const { id } of servers) await used(door, id);
  return door;
}

beforeAll(async () => {
  if (needs.haproxy.isHere()) fleet = await startFleet();
});

beforeEach(async () => {
  if (needs.haproxy.isHere()) site = await openEngineSite(fleet);
});

afterEach(async () => {
  await site?.close();
  await fleet?.clear();
});

afterAll(async () => fleet?.stop());

describe('a controller that finds HAProxy running', () => {
  onHaproxy('leaves it as it is where it was told the same, and nothing else', async () => {
    const server = await fleet.serve('aaaaaa');
    const first = await opened([server]);
    const [before, id] = [await site.worker(), first.id];
    await site.abandon(first);
    const same = await opened([server]);
    expect([await site.worker(), same.id]).toEqual([before, id]);
    await site.abandon(same);
    // Neither stands in the first file.
    const others: Partial<EngineOptions>[] = [{ balance: 'least-inflight' }, { maxInflight: 7 }];
    let worker = before;
    for (const over of others) {
      const other = await opened([server], over);
      const now = await site.worker();
      expect(now).not.toBe(worker);
      worker = now;
      expect((await ask(site.port)).by).toBe('aaaaaa');
      await site.abandon(other);
    }
    expect(readFileSync(site.files.servers, 'utf8')).toContain('maxconn 7');
  });

  onHaproxy('cuts no request, also where it loads HAProxy anew', async () => {
    const held: (() => void)[] = [];
    const server = await fleet.serve('nnnnnn', (_request, response) => {
      response.write('begun');
      held.push(() => response.end(', finished'));
    });
    const first = await opened([server], { drainMs: 600_000 });
    const answers = [ask(site.port)];
    await until('it has begun', () => held.length === 1);
    const inflight = (door: EngineDoor) => door.servers().map((one) => one.inflight);
    await until('it is told', () => inflight(first).join() === '1');
    await site.abandon(first);
    const next = await opened([server], { drainMs: 600_000, balance: 'least-inflight' });
    answers.push(ask(site.port));
    await until('another has begun', () => held.length === 2);
    for (const end of held) end();
    const got = await Promise.all(answers);
    expect(got.map(({ body }) => body)).toEqual(Array(2).fill('begun, finished'));
    await next.close(0);
  });

  onHaproxy('sends nothing to whom its health checks have taken out', async () => {
    const [server, other] = [await fleet.serve('bbbbbb'), await fleet.serve('cccccc')];
    const first = await opened([server, other]);
    await server.die();
    const stranger = await startRaw((socket) => {
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}');
    }, server.port);
    await until('it is out', () => stateIn(first, 'bbbbbb') === 'out');
    await site.abandon(first);
    const next = await opened([other], { maxInflight: 7 });
    const asked = () => stranger.received().match(/GET \/(?!healthz)/g)?.length ?? 0;
    const before = asked();
    expect(await rotation(site.port, 6)).toEqual(Array(6).fill('cccccc'));
    expect([asked(), stateIn(next, 'bbbbbb')]).toEqual([before, 'out']);
    await stranger.stop();
  });

  onHaproxy('counts only what it counts itself, and forgets who has left', async () => {
    const [server, leaves] = [await fleet.serve('dddddd'), await fleet.serve('eeeeee')];
    const first = await opened([server, leaves]);
    for (let at = 0; at < 8; at += 1) await ask(site.port);
    await until('they are counted', () => first.figures.total().requests === 8);
    await site.abandon(first);
    const next = await opened([server, leaves], { figuresKeepMs: 1 });
    for (let at = 0; at < 4; at += 1) await ask(site.port);
    const counts = () => next.figures.snapshot();
    await until('the new ones are counted', () => counts().total.requests >= 4);
    expect([counts().total.requests, [...counts().servers.keys()].sort()]).toEqual([
      ...[4, ['dddddd', 'eeeeee']],
    ]);
    leaves.silence();
    await leaves.say({ state: 'draining' });
    await until('it is let go', () => stateIn(next, 'eeeeee') === 'draining');
    await fleet.store.registry.forget('eeeeee');
    await until('its figures are gone', () => !counts().servers.has('eeeeee'));
    expect([counts().total.requests, counts().total.byClass['2xx']]).toEqual([4, 4]);
  });

  onHaproxy('leaves one of another fleet alone, and so does `down`', async () => {
    const server = await fleet.serve('ffffff');
    const door = await opened([server]);
    const before = readFileSync(site.files.controller, 'utf8');
    const strange = { isOurFleet: () => false, fleet: { namespace: 'other', redis: null } };
    const refused = 'the HAProxy on port';
    await expect(site.create({}, strange)).rejects.toThrow(refused);
    expect(readFileSync(site.files.controller, 'utf8')).toBe(before);
    await site.abandon(door);
    await expect(site.create({}, strange)).rejects.toThrow('another fleet (namespace meow)');
    const pid = site.master();
    const none = await endOrphans(site.home, () => false, 10_000);
    expect([none.ended, none.others.map((each) => each.pid)]).toEqual([0, [pid]]);
    expect((await ask(site.port)).status).toBe(200);
    expect((await endOrphans(site.home, () => true, 10_000)).ended).toBe(1);
    expect(identify(pid)).toBeNull();
  });

  onHaproxy('claims nothing where what it is told makes no sense', async () => {
    await expect(site.create({ allowBackends: ['no such!'] })).rejects.toThrow('is not an address');
    expect(existsSync(site.files.controller)).toBe(false);
  });
});

describe('a controller', () => {
  onHaproxy('writes its claim and its note again where they are removed', async () => {
    const door = await opened([await fleet.serve('gggggg')]);
    const pid = site.master();
    for (const path of [site.files.controller, site.files.note]) {
      rmSync(path);
      await until('it is written again', () => existsSync(path));
    }
    expect([site.master(), (await ask(site.port)).status]).toEqual([pid, 200]);
    await door.close(0);
    expect([identify(pid), existsSync(site.files.controller)]).toEqual([null, false]);
  });

  onHaproxy('takes back what a process claimed that has died since', async () => {
    const door = await opened([await fleet.serve('hhhhhh')]);
    const died = { pid: 4_190_000, pidStart: '1', namespace: 'meow', redis: null };
    const claim = JSON.stringify(died);
    writeFileSync(site.files.controller, claim);
    await until('it is ours', () => readFileSync(site.files.controller, 'utf8') !== claim);
    const pid = site.master();
    await door.close(0);
    expect(identify(pid)).toBeNull();
  });

  onHaproxy('starts HAProxy again, whichever of its processes is killed', async () => {
    const servers = [await fleet.serve('pppppp'), await fleet.serve('qqqqqq')];
    await opened(servers);
    for (const victim of [site.master, site.worker]) {
      const before = site.master();
      process.kill(await victim(), 'SIGKILL');
      const serves = async () => (await ask(site.port).catch(() => null))?.status === 200;
      await until('another serves', async () => site.master() !== before && (await serves()));
      expect(new Set(await rotation(site.port, 4)).size).toBe(2);
      expect(identify(before)).toBeNull();
    }
    expect(new Set(site.said)).toEqual(new Set(['HAProxy has ended: it is started again']));
  });

  onHaproxy('ends no HAProxy that was silent for a while', async () => {
    const server = await fleet.serve('iiiiii');
    const door = await opened([server], { engineCommandMs: 200, engineSilentMs: 600_000 });
    const [pid, worker] = [site.master(), await site.worker()];
    process.kill(worker, 'SIGSTOP');
    const heard = () => site.said.some((line) => line.includes('does not answer'));
    await until('it is missed', heard).finally(() => process.kill(worker, 'SIGCONT'));
    await until('it is asked again', () => site.said.includes('haproxy: works again'));
    const late = await fleet.serve('jjjjjj');
    await used(door, late.id);
    expect([site.master(), await site.worker()]).toEqual([pid, worker]);
    expect(new Set(await rotation(site.port, 4)).size).toBe(2);
  });

  onHaproxy('ends one that never answers, and starts another', async () => {
    await opened([await fleet.serve('kkkkkk')], { engineCommandMs: 200, engineSilentMs: 500 });
    const [pid, worker] = [site.master(), await site.worker()];
    process.kill(worker, 'SIGSTOP');
    await until('another serves', () => site.master() !== pid && identify(worker) === null);
    await until('it serves', async () => (await ask(site.port).catch(() => null))?.status === 200);
    expect(site.said.join()).toContain('HAProxy has not answered for 0.5 s: it is ended');
  });
});

describe('the state folder of a door on HAProxy', () => {
  onHaproxy('may have any name', async () => {
    const odd = await openEngineSite(fleet, `it's "a" #1 %[x] $HOME, (b)]`);
    try {
      const server = await fleet.serve('mmmmmm');
      const door = await odd.open();
      await used(door, server.id);
      // One that is asked for its health elsewhere stands in a map.
      const other = await startRaw((socket, text) => {
        const page = text.startsWith('GET /health/y');
        const body = page ? '{"id":"nnnnnn","state":"up"}' : '{}';
        socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      });
      const url = `http://127.0.0.1:${other.port}`;
      await fleet.register({ id: 'nnnnnn', port: other.port, url, health: '/health/y' });
      await used(door, 'nnnnnn');
      const checks = () => other.received().match(/GET \/health\/y/g)?.length ?? 0;
      await until('HAProxy checks it there', () => checks() > 3);
      process.kill(odd.master(), 'SIGKILL');
      const before = checks();
      await until('another one checks it there', () => checks() > before + 3);
      expect(odd.said).toEqual(['HAProxy has ended: it is started again']);
      await other.stop();
    } finally {
      await odd.close();
    }
  });
});
