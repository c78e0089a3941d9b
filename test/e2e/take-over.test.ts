import { type ChildProcess, fork, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest';
import { portPids } from '../../src/process/port-holder.ts';
import { sendSignal } from '../../src/process/terminate.ts';
import { type Bundle, bundleFixture } from '../helpers/bundle.ts';
import { makeCertificate } from '../helpers/certificates.ts';
import { temporaryFolder } from '../helpers/cleanup.ts';
import { BIN, finish, ownProcesses } from '../helpers/cli.ts';
import { exchange } from '../helpers/clients.ts';
import { type FleetSite, type Going, openFleetSite } from '../helpers/fleet-site.ts';
import { keepAsking, type Load } from '../helpers/load.ts';
import { needs, testWith } from '../helpers/needs.ts';
import { freePort } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';

let site: FleetSite;
let port: number;
let admin: number;
let ports: string[];
let taker: Bundle;

beforeAll(async () => {
  [site, taker] = [await openFleetSite(), await bundleFixture('asks-to-take-over.ts')];
  site.raw.on('error', () => {}); // its Redis is killed once
  [port, admin] = [await freePort(), await freePort()];
  ports = ['--port', String(port), '--admin-port', String(admin)];
});
afterEach(() => site.clear());
afterAll(async () => {
  taker.remove();
  await site.close();
});

/** A WebSocket server that says nothing. */
const APP = `
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
const server = createServer((_, response) => response.end('here'));
server.on('upgrade', ({ headers }, socket) => {
  const key = headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
  const accept = createHash('sha1').update(key).digest('base64');
  socket.write('HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Accept: ' + accept + '\\r\\n\\r\\n');
  socket.on('data', (frame) => { if ((frame[0] & 15) === 8) socket.end(frame); });
});
export default server;
`;

const REQUEST = 'GET / HTTP/1.0\r\nHost: a\r\n\r\n';
const url = () => `http://127.0.0.1:${port}/`;
const serves = (up: Going) =>
  until('it keeps its servers', () => up.said().includes('Ctrl-C stops'));
const idsNow = async () => (await site.liveNow()).map(({ id }) => id).sort();
/** Who runs a verb here. */
const runs = (verb: string) =>
  ownProcesses(site.home).filter((pid) =>
    commandOf(pid).startsWith(`${process.execPath}\0${BIN}\0${verb}\0`),
  );

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return ''; // it ended meanwhile
  }
}

/** A client that connects anew for each request. */
function keepConnecting(): Load {
  const failures: string[] = [];
  let [going, good] = [true, 0];
  const asking = (async () => {
    while (going) {
      const answer = await exchange(port, REQUEST).catch(String);
      if (answer.startsWith('HTTP/1.1 200')) good += 1;
      else failures.push(answer.slice(0, 80));
      await pause(20);
    }
  })();
  return {
    good: () => good,
    async stop() {
      going = false;
      await asking;
      return { sent: good + failures.length, failures, durationsMs: [] };
    },
  };
}

/** Clients of the door, a hundred requests a second, and of its admin listener. */
function startLoad(...clients: Load[]) {
  const usual = () => [keepAsking(url(), { workers: 4, pauseMs: 50 }), keepConnecting()];
  const ofDoor = clients.length > 0 ? clients : usual();
  const loads = [
    ...ofDoor,
    keepAsking(`http://127.0.0.1:${admin}/healthz`, { workers: 1, pauseMs: 50 }),
  ];
  return async () => {
    const before = loads.map((load) => load.good());
    await until('all of them go on', () =>
      loads.every((load, at) => load.good() > (before[at] ?? 0) + 20),
    );
    return (await Promise.all(loads.map((load) => load.stop()))).flatMap(
      ({ failures }) => failures,
    );
  };
}

/** Resolves with the code that a WebSocket is closed with. */
async function openWebSocket(): Promise<{ readonly closed: Promise<number> }> {
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13';
  socket.write(
    `GET /x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${key}\r\n\r\n`,
  );
  const [head] = (await once(socket, 'data')) as [Buffer];
  expect(head.toString()).toContain(' 101 ');
  const closed = once(socket, 'data').then(([frame]: Buffer[]) => frame?.readUInt16BE(2) ?? 0);
  return { closed };
}

test('`up --take-over` takes the place of the one that runs: its servers run on, no request fails', async () => {
  const app = site.write('app.mjs', APP);
  const old = site.go('up', '-n', '2', ...ports, '--app', app);
  await serves(old);
  const before = await idsNow();
  const { closed } = await openWebSocket();
  const failures = startLoad();
  const next = site.go('up', ...ports, '--app', app, '--take-over');
  expect(await closed).toBe(1001);
  const { code, stderr } = await old.ended;
  expect([code, stderr]).toEqual([
    0,
    expect.stringContaining(`process ${next.pid} has taken over`),
  ]);
  expect(await failures()).toEqual([]);
  expect(await idsNow()).toEqual(before);
  const [killed] = await site.liveNow();
  process.kill(killed?.pid ?? Number.NaN, 'SIGKILL');
  await until('its keeper has replaced it', async () => {
    const ids = await idsNow();
    return ids.length === 2 && !ids.includes(killed?.id ?? '');
  });
  next.kill('SIGINT');
  expect(await next.ended).toMatchObject({ code: 0 });
  expect(await site.liveNow()).toEqual([]);
});

/** Notes what it is told, and whose child the process is that tells it. */
const NOTIFY = `#!/bin/sh
read -r _ _ _ parent _ </proc/$PPID/stat
echo "$@" of $parent >>FILE
`;

test('SIGHUP has `up` replaced by its own command line; systemd hears which process it is now', async () => {
  const told = join(site.home, 'told');
  const folder = join(site.home, 'bin');
  mkdirSync(folder);
  writeFileSync(join(folder, 'systemd-notify'), NOTIFY.replace('FILE', told));
  chmodSync(join(folder, 'systemd-notify'), 0o755);
  const env = { PATH: `${folder}:${process.env.PATH}`, NOTIFY_SOCKET: '/nobody/listens' };
  const old = site.start(['up', '-n', '2', ...ports], { env });
  await until('it serves', async () => (await idsNow()).length === 2 && existsSync(told));
  const before = await idsNow();
  const failures = startLoad();
  process.kill(old.pid ?? Number.NaN, 'SIGHUP');
  // What it printed to is its successor's now, and stays open.
  await until('it has ended', () => old.exitCode === 0);
  expect(await failures()).toEqual([]);
  expect(await idsNow()).toEqual(before);
  const [next = 0, ...others] = runs('up');
  expect(others).toEqual([]);
  const words = [old.pid, next].map((pid) => `READY=1 MAINPID=${pid}`);
  const lines = readFileSync(told, 'utf8').trim().split('\n');
  expect(lines.map((line) => line.split(' of ')[0])).toEqual(words);
  // systemd does not wait for the end of a main process that is not its own child.
  expect(lines[1]).not.toBe(`${words[1]} of ${old.pid}`);
  sendSignal(next, 'SIGTERM');
  await until('all has ended', async () => (await idsNow()).length === 0);
});

test('`proxy --take-over`, and SIGHUP, replace the door on that port', async () => {
  await site.spawnOne();
  const old = site.go('proxy', ...ports);
  await until('it listens', () => old.said().includes('the door is'));
  const failures = startLoad();
  const next = site.go('proxy', ...ports, '--take-over');
  expect(await old.ended).toMatchObject({ code: 0 });
  await until('it listens', () => next.said().includes('the door is'));
  next.kill('SIGHUP');
  await until('it has ended', () => next.hasEnded());
  expect(await failures()).toEqual([]);
  const [renewed = 0] = runs('proxy');
  sendSignal(renewed, 'SIGTERM');
  expect(await next.ended).toMatchObject({ code: 0 });
});

test('a door of several processes is taken over by another one, and by one alone', async () => {
  await site.spawnOne();
  const old = site.go('proxy', ...ports, '--workers', '2');
  await until('it listens', () => old.said().includes('the door is'));
  const failures = startLoad();
  const next = site.go('proxy', ...ports, '--workers', '2', '--take-over');
  expect(await old.ended).toMatchObject({ code: 0 });
  const last = site.go('proxy', ...ports, '--take-over');
  expect(await next.ended).toMatchObject({ code: 0 });
  expect(await failures()).toEqual([]);
  last.kill('SIGTERM');
  expect(await last.ended).toMatchObject({ code: 0 });
});

test('a door over TLS hands over what sends plain HTTP on, too', async () => {
  const { cert, key } = makeCertificate(temporaryFolder(), ['localhost']);
  const plain = await freePort();
  const words = [...ports, '--tls-cert', cert, '--tls-key', key, '--redirect-http', `${plain}`];
  await site.spawnOne();
  const old = site.go('proxy', ...words);
  await until('it listens', () => old.said().includes('the door is'));
  const failures = startLoad(
    keepAsking(`https://127.0.0.1:${port}/`, { workers: 4, pauseMs: 50 }),
    keepAsking(`http://127.0.0.1:${plain}/`, { workers: 4, pauseMs: 50, allowed: [308] }),
  );
  const next = site.go('proxy', ...words, '--take-over');
  expect(await old.ended).toMatchObject({ code: 0 });
  expect(await failures()).toEqual([]);
  next.kill('SIGTERM');
  expect(await next.ended).toMatchObject({ code: 0 });
});

test('without Redis nobody takes over, nor from one that is stopped or knows no take-over: it is named, and goes on', async () => {
  const old = await running();
  const before = await idsNow();
  const take = ['up', ...ports, '--take-over'];
  await site.redis.kill('SIGKILL');
  const refused = await site.run(take);
  const { status } = await fetch(url());
  await site.redis.restart();
  const why = expect.stringContaining(
    `Redis at 127.0.0.1:${site.redis.port} refused the connection`,
  );
  expect(refused).toMatchObject({ code: 4, stderr: why });
  expect([status, old.hasEnded()]).toEqual([200, false]);
  await until('its server is known again', async () => (await idsNow()).length === 1);
  const next = site.go(...take);
  expect(await old.ended).toMatchObject({ code: 0 });
  await serves(next);
  expect(await idsNow()).toEqual(before);

  next.kill('SIGSTOP');
  const named = `(pid ${next.pid}) does not answer within 5 s: it is stopped, or hangs`;
  expect(await site.run(take)).toMatchObject({ code: 1, stderr: expect.stringContaining(named) });
  next.kill('SIGCONT');
  expect((await fetch(url())).status).toBe(200);
  forgetHandOver();
  const older = `(pid ${next.pid}) is of a version that cannot hand over`;
  expect(await site.run(take)).toMatchObject({ code: 1, stderr: expect.stringContaining(older) });
});

test('an `up` in the background is taken over by another one, which writes on in its log', async () => {
  const up = ['up', '--detach', ...ports];
  expect(await site.run([...up, '-n', '1'])).toMatchObject({ code: 0 });
  const [[first], before] = [runs('up'), await idsNow()];
  const failures = startLoad();
  expect(await site.run([...up, '--take-over'])).toMatchObject({ code: 0 });
  await until('one is left', () => runs('up').length === 1);
  expect(await failures()).toEqual([]);
  expect(runs('up')).not.toEqual([first]);
  expect(await idsNow()).toEqual(before);
  const log = readFileSync(join(site.home, 'logs', 'up.log'), 'utf8');
  const [next] = runs('up');
  expect(log).toContain(`process ${next} has taken over`);
  expect(log.match(/Ctrl-C stops/g)).toHaveLength(2);
  expect(log).toMatch(/^(\d{4}-\d\d-\d\dT[\d:.]+Z!? .*\n)+$/);
  expect(await site.run(['down'])).toMatchObject({ code: 0 });
  expect(runs('up')).toEqual([]);
});

test('one that cannot have its port, its lock, or is killed as it was given all, changes nothing; one that has all retires what is too many', async () => {
  const old = await running('-n', '2');
  const { code, stderr } = await site.run(['up', '--port', String(await busy()), '--take-over']);
  expect([code, stderr]).toEqual([1, expect.stringContaining('is in use')]);
  await goesOn(old);

  const killed = await askToTakeOver();
  process.kill(killed.pid, 'SIGKILL');
  await goesOn(old);

  const before = await idsNow();
  const [locks, away] = [join(site.home, 'up'), join(site.home, 'up-away')];
  renameSync(locks, away);
  writeFileSync(locks, 'no folder');
  const take = ['up', '-n', '1', ...ports, '--take-over'];
  expect(await site.run(take)).toMatchObject({ code: 1 });
  expect(await idsNow()).toEqual(before);
  rmSync(locks);
  renameSync(away, locks);
  await goesOn(old);
  const next = site.go(...take);
  expect(await old.ended).toMatchObject({ code: 0 });
  await serves(next);
  expect(await idsNow()).toHaveLength(1);
});

test('told to stop while another is taking over, `up` leaves that one its servers', async () => {
  const old = await running();
  const before = await idsNow();
  const next = await askToTakeOver();
  expect(await next.takeLock()).toBe('has the lock');
  old.kill('SIGTERM');
  const { code, stderr } = await old.ended;
  expect([code, stderr]).toEqual([
    0,
    expect.stringContaining('another `up` has this folder by now: servers run on'),
  ]);
  expect(await idsNow()).toEqual(before);
  expect(await site.desiredServers()).toMatchObject([{ state: 'wanted' }]);
});

test('told to stop before another has taken what it let go, `up` ends its servers', async () => {
  const old = await running();
  await askToTakeOver();
  old.kill('SIGTERM');
  expect(await old.ended).toMatchObject({ code: 0 });
  expect(await site.liveNow()).toEqual([]);
  expect(await site.desiredServers()).toMatchObject([{ state: 'stopped' }]);
});

test('one that is killed in the middle leaves its place all the same', async () => {
  const old = await running();
  const slow = site.write('slow.mjs', `await new Promise((go) => setTimeout(go, 3_000));\n${APP}`);
  const next = site.go('up', ...ports, '--app', slow, '-n', '1', '--take-over');
  await until('it is asked', () => old.said().includes('is about to take over'));
  const boots = () => ownProcesses(site.home).length;
  await until('the next one starts a server', () => boots() > 3);
  old.kill('SIGKILL');
  await serves(next);
  expect((await fetch(url())).status).toBe(200);
});

/** What systemd does with a socket unit: opens it, and starts the door with it, again where that has ended. */
const SERVICE = `for run in 1 2; do
  sh -c 'LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" "$@"' "$@"
done`;

async function startService(...door: string[]) {
  const socket = createServer();
  const args = ['-c', SERVICE, 'service', process.execPath, BIN, ...door];
  const service = await new Promise<ChildProcess>((resolve) => {
    socket.listen({ port, host: '127.0.0.1' }, () => {
      const { fd } = (socket as unknown as { _handle: { fd: number } })._handle;
      const stdio: StdioOptions = ['ignore', 'ignore', 'pipe', fd];
      resolve(spawn('sh', args, { env: { ...process.env, ...site.env }, stdio }));
      // In the same turn: nothing is accepted here.
      socket.close();
    });
  });
  let said = '';
  service.stderr?.on('data', (piece: Buffer) => {
    said += piece;
  });
  return { said: () => said, ended: finish(service) };
}

test('a socket that was opened for the door outlives it, and is handed over', async () => {
  await site.spawnOne();
  const service = await startService('proxy', '--no-admin');
  const url = `the door is http://127.0.0.1:${port}`;
  await until('it listens', () => service.said().includes(url));
  const answers: string[] = [];
  let going = true;
  const asking = (async () => {
    while (going) answers.push((await exchange(port, REQUEST)).slice(0, 12));
  })();
  const kept = keepAsking(`http://127.0.0.1:${port}/`, { workers: 8, pauseMs: 20 });
  const [first = 0] = runs('proxy');
  process.kill(first, 'SIGTERM');
  await until('it is there again', () => service.said().split(url).length === 3);
  const next = site.go('proxy', '--take-over', '--no-admin', '--port', String(port));
  await service.ended;
  const before = answers.length;
  await until('the next one answers', () => answers.length > before + 5);
  going = false;
  await asking;
  expect(new Set(answers)).toEqual(new Set(['HTTP/1.1 200']));
  expect((await kept.stop()).failures).toEqual([]);
  next.kill('SIGTERM');
  expect(await next.ended).toMatchObject({ code: 0 });
});

testWith(
  needs.socketActivation,
  'systemd opens its socket: whoever comes before it serves waits, and is answered',
  async () => {
    const { id } = await site.spawnOne();
    const env = { ...process.env, ...site.env };
    const passed = Object.keys(site.env).flatMap((name) => ['-E', name]);
    const door = [process.execPath, BIN, 'proxy', '--no-admin'];
    const args = ['-l', `127.0.0.1:${port}`, ...passed, '-E', 'PATH', ...door];
    const activated = spawn('systemd-socket-activate', args, { env, stdio: 'pipe' });
    const ended = finish(activated);
    await until('it listens', () => portPids(port).includes(activated.pid ?? 0));
    expect(runs('proxy')).toEqual([]);
    expect(await exchange(port, REQUEST)).toContain(`meow from ${id}`);
    // It became the door.
    activated.kill('SIGTERM');
    expect(await ended).toMatchObject({ code: 0, stderr: expect.stringContaining('the door is') });
  },
);

/** As versions note what runs that cannot hand over. */
function forgetHandOver(): void {
  const folder = join(site.home, 'run');
  for (const name of readdirSync(folder).filter((each) => each.startsWith('up-'))) {
    const { handOver, ...note } = JSON.parse(readFileSync(join(folder, name), 'utf8'));
    expect(handOver).toContain('hand-over');
    writeFileSync(join(folder, name), JSON.stringify(note));
  }
}

/** An `up` that serves, with one server where nothing else is said. */
async function running(...words: string[]): Promise<Going> {
  const up = site.go('up', '-n', '1', ...words, ...ports);
  await serves(up);
  const offers = () => readdirSync(join(site.home, 'hand-over'));
  await until('it may be taken over', () =>
    offers().some((name) => name.startsWith(`up-${up.pid}-`)),
  );
  return up;
}

/** It serves, and its keeper keeps: one that is killed is replaced. */
async function goesOn(up: Going): Promise<void> {
  expect((await fetch(url())).status).toBe(200);
  const before = await site.liveNow();
  process.kill(before[0]?.pid ?? Number.NaN, 'SIGKILL');
  await site.newcomer(before);
  expect(up.hasEnded()).toBe(false);
}

/** A process that the `up` that runs has let go for. */
async function askToTakeOver() {
  const helper = join(BIN, '..', '..', 'dist', 'pass-socket.cjs');
  const child = fork(taker.file, [site.home, helper]);
  onTestFinished(() => void child.kill('SIGKILL'));
  const said = async () => (await once(child, 'message'))[0] as string;
  expect(await said()).toBe('released');
  return {
    pid: child.pid ?? 0,
    takeLock() {
      child.send('take');
      return said();
    },
  };
}

async function busy(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}
