import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { WebSocket } from 'undici';
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  onTestFinished,
  test,
} from 'vitest';
import { BIN, finish, openSite, type Site } from '../helpers/cli.ts';
import { keepAsking, percentile } from '../helpers/load.ts';
import { thorough } from '../helpers/needs.ts';
import { cpuOf, memoryOf, openFilesOf } from '../helpers/process.ts';
import { freePort } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';

// What a crowd asks for: events without end, a large answer, a slow one, and echoes.
const APP = `
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const MIB = Buffer.alloc(1_048_576);

const server = createServer((request, response) => {
  if (request.url === '/events') {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: hello\\n\\n');
  } else if (request.url === '/big') {
    let left = 64;
    const more = () => {
      while (left-- > 0) if (!response.write(MIB)) return response.once('drain', more);
      response.end();
    };
    more();
  } else if (request.url === '/slow') {
    response.write('slow');
    setTimeout(() => response.end('ly'), 1_500);
  } else if (request.url === '/endless') {
    response.write('begun');
  } else if (request.url === '/block') {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_000);
    response.end('blocked');
  }
  else response.end('hello');
});
server.on('upgrade', (request, socket) => {
  const accept = createHash('sha1').update(request.headers['sec-websocket-key'] + GUID).digest('base64');
  socket.on('error', () => {});
  socket.write('HTTP/1.1 101 X\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Accept: ' + accept + '\\r\\n\\r\\n');
  socket.on('data', () => {});
});
export default server;
`;

let site: Site;
let port: number;
let door: ChildProcess | null = null;
const sockets: Socket[] = [];
const url = (path: string) => `http://127.0.0.1:${port}${path}`;

beforeAll(async () => {
  site = await openSite();
  const app = join(site.home, 'crowd.mjs');
  writeFileSync(app, APP);
  port = await freePort();
  expect((await site.call(['spawn', '2', '--app', app])).code).toBe(0);
});
beforeEach(async () => {
  if (!isRunning()) door = await openDoor();
});
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});
afterAll(() => site.close());

/** A door on the port, once it uses both servers: what a killed one said of them still stands. */
async function openDoor(at = port, ...flags: string[]): Promise<ChildProcess> {
  // A crowd takes a while to gather: nobody in it is to be closed for being idle meanwhile.
  const patient = ['--keep-alive', '3600', '--stream-timeout', '3600', ...flags];
  const child = site.start(['proxy', '--port', String(at), '--no-admin', ...patient]);
  const twice = async () => (await isServing(at)) && (await isServing(at));
  await until('it serves', twice);
  return child;
}

const isRunning = () => door !== null && door.exitCode === null && door.signalCode === null;

/** A door that has seen nothing yet, where its memory is looked at. Its pid. */
async function freshDoor(): Promise<number> {
  await end('SIGKILL');
  door = await openDoor();
  return door.pid ?? 0;
}

/** Opens connections a hundred at a time: the kernel's queue of a listener is short. */
async function connectMany(count: number, first = ''): Promise<Socket[]> {
  const opened: Socket[] = [];
  while (opened.length < count) {
    const hundred = Array.from({ length: Math.min(100, count - opened.length) }, () => dial(first));
    opened.push(...(await Promise.all(hundred)));
  }
  return opened;
}

function dial(first: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(first);
      resolve(socket);
    });
    sockets.push(socket);
    socket.once('error', reject);
    socket.on('error', () => {});
  });
}

const ask = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

/** The median of `GET /` by two loops, over 400 requests, at this door or another. */
async function latency(at = port): Promise<number> {
  const load = keepAsking(`http://127.0.0.1:${at}/`, { workers: 2, pauseMs: 0 });
  await until('400 are answered', () => load.good() >= 400);
  const { durationsMs, failures } = await load.stop();
  expect(failures).toEqual([]);
  return percentile(durationsMs, 0.5);
}

test('a server that is blocked for 2 s costs the others nothing, and stays in', async () => {
  const order: string[] = [];
  const blocked = fetch(url('/block')).then(({ status }) => {
    order.push('blocked');
    return status;
  });
  const ten = Array.from({ length: 10 }, async () => {
    const { status } = await fetch(url('/'));
    order.push('quick');
    return status;
  });
  expect(await Promise.all(ten)).toEqual(Array(10).fill(200));
  expect(await blocked).toBe(200);
  expect(order.indexOf('blocked')).toBeGreaterThanOrEqual(5);
  const words = (await site.list()).map(({ doors }) => doors.every((word) => word === 'usable'));
  expect(words).toEqual([true, true]);
});

describe('a door in a crowd', () => {
  test('of 150 event streams on two servers answers the 151st request', async () => {
    const streams = await connectMany(150, ask('/events'));
    let begun = 0;
    for (const stream of streams) stream.once('data', () => begun++);
    await until('all have begun', () => begun === 150);
    expect((await fetch(url('/'))).status).toBe(200);
  });

  test('of 1,000 idle connections is as quick as one of none, and gives their files back', async () => {
    const pid = door?.pid ?? 0;
    const empty = await freePort();
    const other = await openDoor(empty);
    await latency();
    const before = openFilesOf(pid);
    const crowd = await connectMany(1_000, ask('/'));
    let answered = 0;
    for (const socket of crowd) {
      if (socket.bytesRead > 0) answered += 1;
      else socket.once('data', () => answered++);
      socket.resume();
    }
    await until('all are answered', () => answered === 1_000);
    expect(openFilesOf(pid)).toBeGreaterThan(before + 990);
    const [full, idle] = await Promise.all([latency(), latency(empty)]);
    expect(full).toBeLessThan(4 * idle);
    other.kill('SIGKILL');
    for (const socket of sockets.splice(0)) socket.destroy();
    // Those to the servers are kept for 15 s.
    await until('their files are free', () => openFilesOf(pid) <= before + 300);
  });

  test.runIf(thorough)(
    'of 15 that read slowly 64 MiB each holds a quarter of a MiB for each',
    async () => {
      const pid = await freshDoor();
      for (let round = 0; round < 3; round += 1) await (await fetch(url('/big'))).arrayBuffer();
      const before = memoryOf(pid);
      const readers = await connectMany(15, ask('/big'));
      for (const reader of readers) reader.pause();
      const bytes = () => readers.reduce((sum, { bytesRead }) => sum + bytesRead, 0);
      let still = -1;
      await until('everything stands still', async () => {
        const was = still;
        await pause(300);
        still = bytes();
        return still > 0 && still === was;
      });
      expect((memoryOf(pid) - before) / 1_048_576).toBeLessThan(15 * 0.25 + 20);
      expect((await fetch(url('/'))).status).toBe(200);
    },
  );

  test.runIf(thorough)('that leaves in the middle, 500 times, leaves nothing behind', async () => {
    const pid = await freshDoor();
    await latency();
    const before = { files: openFilesOf(pid), memory: memoryOf(pid) };
    for (let round = 0; round < 5; round += 1) {
      const hundred = await connectMany(100, ask('/slow'));
      for (const socket of hundred) socket.destroy();
    }
    await until('their files are free', () => openFilesOf(pid) <= before.files + 5);
    expect((memoryOf(pid) - before.memory) / 1_048_576).toBeLessThan(20);
    expect((await fetch(url('/'))).status).toBe(200);
  });
});

test('a door short of open files serves on with those it has, does not spin, and recovers', async () => {
  const narrow = await freePort();
  const command = `ulimit -n 64; exec "$0" "$1" proxy --port ${narrow} --no-admin`;
  const child = spawn('sh', ['-c', command, process.execPath, BIN], {
    env: site.env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const pid = child.pid ?? 0;
  const wide = port;
  port = narrow;
  try {
    await until('it serves', () => isServing());
    const many = Array.from({ length: 200 }, () => dial(ask('/events')).catch(() => null));
    await Promise.all(many);
    await until('it has no file left', () => openFilesOf(pid) >= 60);
    // Beside one that does spin, so that both have what the machine gives.
    const spinning = spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' });
    onTestFinished(() => void spinning.kill('SIGKILL'));
    const cpuMs = cpuOf(pid);
    await until('the other has spun', () => cpuOf(spinning.pid ?? 0) > 1_200);
    expect(cpuOf(pid) - cpuMs).toBeLessThan(800);
    spinning.kill('SIGKILL');
    for (const socket of sockets.splice(0)) socket.destroy();
    await until('it serves again', () => isServing());
  } finally {
    port = wide;
    child.kill('SIGTERM');
  }
  const { code, stderr } = await finish(child);
  expect([code, stderr]).toEqual([0, expect.not.stringContaining('    at ')]);
});

describe('a door that ends', () => {
  test('by SIGTERM finishes 50 requests, says 1001 to 5 WebSockets, takes nothing new, exits 0', async () => {
    const slow = Array.from({ length: 50 }, () => getWhole('/slow'));
    const webSockets = await Promise.all(Array.from({ length: 5 }, openWebSocket));
    const codes = Promise.all(webSockets.map(closeCode));
    await Promise.all(slow.map(({ begun }) => begun));
    const ended = end('SIGTERM');
    await until('it takes nothing new', isShut);
    expect(await Promise.all(slow.map(({ whole }) => whole))).toEqual(Array(50).fill('slowly'));
    expect(await codes).toEqual(Array(5).fill(1_001));
    expect(await ended).toBe(0);
  });

  test('at once by a second SIGTERM', async () => {
    await end('SIGKILL');
    // It would wait for its answer for an hour.
    door = await openDoor(port, '--drain-timeout', '3600');
    const held = getWhole('/endless');
    await held.begun;
    const ended = end('SIGTERM');
    await until('it takes nothing new', isShut);
    door?.kill('SIGTERM');
    expect(await ended).toBe(130);
    expect(await held.whole).toBe('cut');
  });

  test('by SIGKILL under load serves again once it is started', async () => {
    const pids = (await site.list()).map(({ pid }) => pid);
    const load = keepAsking(url('/'));
    await until('there is load', () => load.good() > 50);
    await end('SIGKILL');
    door = site.start(['proxy', '--port', String(port), '--no-admin']);
    await until('it serves', () => isServing());
    await load.stop();
    expect((await site.list()).map(({ pid }) => pid)).toEqual(pids);
  });
});

/** Signals the door. @returns its exit code, once it has one */
async function end(signal: NodeJS.Signals): Promise<number | null> {
  if (!door) return null;
  const { exitCode, signalCode } = door;
  if (exitCode !== null || signalCode !== null) return exitCode;
  door.kill(signal);
  return (await finish(door)).code;
}

const isServing = (at = port) =>
  fetch(`http://127.0.0.1:${at}/`).then(
    ({ status }) => status === 200,
    () => false,
  );

const isShut = () =>
  dial('').then(
    () => false,
    () => true,
  );

/** One answer: when its first byte is here, and all of it, or `cut`. */
function getWhole(path: string) {
  let hasBegun: () => void = () => {};
  const begun = new Promise<void>((resolve) => {
    hasBegun = resolve;
  });
  const whole = new Promise<string>((resolve) => {
    let text = '';
    const cut = () => resolve('cut');
    get(url(path), { agent: false }, (answer: IncomingMessage) => {
      answer.once('data', hasBegun);
      answer.on('data', (piece) => {
        text += piece;
      });
      answer.once('end', () => resolve(text)).once('error', cut);
    }).once('error', cut);
  });
  return { begun, whole };
}

async function openWebSocket(): Promise<WebSocket> {
  const socket = new WebSocket(url('/').replace('http', 'ws'));
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve, { once: true });
    socket.addEventListener('error', (event) => reject(new Error(event.message)), { once: true });
  });
  return socket;
}

function closeCode(socket: WebSocket): Promise<number> {
  return new Promise((resolve) => {
    socket.addEventListener('close', ({ code }) => resolve(code), { once: true });
  });
}
