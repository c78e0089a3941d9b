import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { identify } from '../../src/process/identity.ts';
import { BIN, finish } from '../helpers/cli.ts';
import { ask, rotation } from '../helpers/clients.ts';
import { type FleetSite, type Going, openFleetSite } from '../helpers/fleet-site.ts';
import { withHaproxy } from '../helpers/haproxy.ts';
import { keepAsking } from '../helpers/load.ts';
import { needs, testWith } from '../helpers/needs.ts';
import { freePort } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';

/*
 * One fleet behind one HAProxy, from its start to its end: each test takes it as the one before left it.
 * What HAProxy does with a request is in test/engine/engine-door.test.ts.
 */

let site: FleetSite;
let port: number;
let admin: number;
let door: Going;

const onHaproxy = (name: string, run: () => unknown) => testWith(needs.haproxy, name, run);
const url = () => `http://127.0.0.1:${port}/test`;
const folder = () => join(site.home, 'engine', String(port));
const master = (): number => JSON.parse(readFileSync(join(folder(), 'haproxy.json'), 'utf8')).pid;
const controller = (): number =>
  JSON.parse(readFileSync(join(folder(), 'controller.json'), 'utf8')).pid;
const openProxy = (...flags: string[]) =>
  site.go(
    'proxy',
    '--engine',
    'haproxy',
    '--port',
    `${port}`,
    '--admin-port',
    `${admin}`,
    ...flags,
  );
async function opened(going: Going): Promise<void> {
  await until('its door is open', () => going.hasEnded() || going.said().includes('the door is'));
  expect([going.hasEnded(), going.said()]).toEqual([false, expect.any(String)]);
}

async function doorId(): Promise<string> {
  const asked = await fetch(`http://127.0.0.1:${admin}/healthz`).catch(() => null);
  return asked ? ((await asked.json()) as { id: string }).id : '';
}

beforeAll(async () => {
  // Verbs find it as a user's would, wherever it lies here.
  process.env.PATH = withHaproxy();
  site = await openFleetSite();
  [port, admin] = [await freePort(), await freePort()];
});

afterAll(() => site?.close());

describe('proxy --engine haproxy', () => {
  test.each([
    [['--request-timeout', '5'], '--request-timeout with --engine haproxy is not supported yet'],
    [['--workers', '2'], '--workers with --engine haproxy is not supported yet'],
    [['--trust-proxy', 'web1'], '--trust-proxy "web1" is neither an address nor a network'],
  ])('refuses %j, which it cannot do', async (flags, words) => {
    const { code, stderr } = await site.run(['proxy', '--engine', 'haproxy', ...flags]);
    expect([code, stderr]).toEqual([2, expect.stringContaining(words)]);
  });

  test('refuses a socket that systemd holds: HAProxy binds its port itself', async () => {
    const socket = createServer().listen(0, '127.0.0.1');
    await once(socket, 'listening');
    const { fd } = (socket as unknown as { _handle: { fd: number } })._handle;
    const given = `LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" "$@"`;
    const verb = ['proxy', '--engine', 'haproxy', '--no-admin'];
    const { code, stderr } = await finish(
      spawn('sh', ['-c', given, process.execPath, BIN, ...verb], {
        env: site.env,
        stdio: ['ignore', 'pipe', 'pipe', fd],
      }),
    );
    socket.close();
    expect([code, stderr]).toEqual([2, expect.stringContaining('socket that systemd holds')]);
  });

  onHaproxy('opens a door that uses the fleet, and tells of it as any door does', async () => {
    await site.spawn('2');
    door = openProxy('--threads', '2');
    await opened(door);
    expect(door.said()).toContain(`the door is http://127.0.0.1:${port}\n`);
    const by = await rotation(port, 6);
    expect(new Set(by).size).toBe(2);
    await until('it says that it uses both', async () =>
      (await site.list()).every(({ doors }) => doors.join() === 'usable'),
    );
    expect(statSync(join(site.home, 'engine', `${port}.sock`)).mode & 0o777).toBe(0o600);
  });

  onHaproxy(
    'loses no request while servers come and go, and keeps only those that are there',
    async () => {
      const load = keepAsking(url());
      for (let turn = 0; turn < 2; turn += 1) {
        const [first] = await site.liveNow();
        const { id } = await site.spawnOne();
        await until('it gets requests', async () => (await ask(port)).by === id);
        expect((await site.run(['destroy', first?.id ?? ''])).code).toBe(0);
      }
      expect((await site.run(['restart'])).code).toBe(0);
      const { failures } = await load.stop();
      expect(failures).toEqual([]);
      const live = (await site.liveNow()).map(({ id }) => id).sort();
      expect([...new Set(await rotation(port, 6))].sort()).toEqual(live);
    },
  );

  onHaproxy('serves on when its controller is killed, and the next one adopts it', async () => {
    const [before, id] = [master(), await doorId()];
    const load = keepAsking(url());
    door.kill('SIGKILL');
    await door.ended;
    await site.spawn('1');
    door = openProxy('--threads', '2');
    await opened(door);
    await until('the new server is used', async () => new Set(await rotation(port, 6)).size === 3);
    const { failures } = await load.stop();
    expect([failures, master(), await doorId()]).toEqual([[], before, id]);
  });

  onHaproxy(
    'is taken over by another proxy while it lives, with other flags, and loses no request',
    async () => {
      const before = master();
      const load = keepAsking(url());
      const next = openProxy('--threads', '2', '--keep-alive', '70', '--access-log');
      await opened(next);
      const { code } = await door.ended;
      expect([code, door.said()]).toEqual([0, expect.stringContaining('this one ends')]);
      door = next;
      expect(readFileSync(join(folder(), 'door.cfg'), 'utf8')).toContain('keep-alive 70000ms');
      await until('all are used', async () => new Set(await rotation(port, 6)).size === 3);
      const { failures } = await load.stop();
      expect([failures, master()]).toEqual([[], before]);
    },
  );

  onHaproxy('starts HAProxy again when it is killed, with the servers it had', async () => {
    const before = master();
    process.kill(before, 'SIGKILL');
    await until('another serves', async () => {
      const answer = await ask(port).catch(() => null);
      return master() !== before && answer?.status === 200;
    });
    expect(new Set(await rotation(port, 6)).size).toBe(3);
    expect(door.said()).toContain('HAProxy has ended: it is started again');
  });

  onHaproxy('ends HAProxy when it is told to end, and has written down its requests', async () => {
    const pid = master();
    door.kill('SIGTERM');
    const { code, stdout, stderr } = await door.ended;
    expect([code, stderr.match(/\bat .*dist/)]).toEqual([0, null]);
    expect(stdout).toMatch(/^\S+ GET \/test [a-z2-9]{6} 200 \d/m);
    expect(identify(pid)).toBeNull();
    await expect(ask(port)).rejects.toThrow('ECONNREFUSED');
  });

  onHaproxy('leaves nothing behind after `down`, though its controller was killed', async () => {
    door = openProxy();
    await opened(door);
    const pid = master();
    door.kill('SIGKILL');
    await door.ended;
    expect(identify(pid)?.commandLine[0]).toMatch(/\/haproxy$/);
    const { code, stderr } = await site.run(['down']);
    expect([code, stderr]).toEqual([0, expect.stringMatching(/^ended: .*HAProxy/m)]);
    expect(identify(pid)).toBeNull();
  });

  onHaproxy('is the door of `up` as well, and says 503 until its servers are ready', async () => {
    const go = join(site.home, 'go');
    const app = site.write(
      'app.mjs',
      `import { existsSync } from 'node:fs';
while (!existsSync(${JSON.stringify(go)})) await new Promise((done) => setTimeout(done, 20));
export default (_, response) => response.end('meow');
`,
    );
    const flags = ['--port', `${port}`, '--admin-port', `${admin}`];
    const up = site.go('up', '-n', '1', '--engine', 'haproxy', ...flags, '--app', app);
    const status = async () => (await ask(port).catch(() => null))?.status;
    expect(await until('it answers', status)).toBe(503);
    site.write('go', '');
    await until('it serves', async () => (await status()) === 200);
    const [pid, [server]] = [master(), await site.liveNow()];
    const load = keepAsking(url());
    await until('it is all up', () => up.said().includes('Ctrl-C'));
    const next = site.go('up', '--engine', 'haproxy', ...flags, '--take-over');
    await until('the next one is all up', () => next.hasEnded() || next.said().includes('Ctrl-C'));
    expect((await up.ended).code).toBe(0);
    expect([next.hasEnded(), up.said()]).toEqual([
      ...[false, expect.stringContaining(`process ${next.pid} has taken over`)],
    ]);
    expect([master(), (await site.liveNow()).map((row) => row.pid)]).toEqual([pid, [server?.pid]]);
    expect((await fetch(`http://127.0.0.1:${admin}/readyz`)).status).toBe(200);
    // One that dies before it has taken over gives it back.
    const dies = site.go('up', '--engine', 'haproxy', ...flags, '--take-over');
    await until('it has claimed it', () => controller() === dies.pid || dies.hasEnded());
    dies.kill('SIGKILL');
    await dies.ended;
    await until('it is looked after again', () => controller() === next.pid);
    const { id } = await site.spawnOne();
    await until('a new server is used', async () => (await ask(port)).by === id);
    const { failures } = await load.stop();
    expect([failures, master()]).toEqual([[], pid]);
    next.kill('SIGTERM');
    expect((await next.ended).code).toBe(0);
    expect(identify(pid)).toBeNull();
  });
});
