import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createSilent, Server as NetServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { type AskSettings, findOlder } from '../../src/handover/ask.ts';
import { connectTo } from '../../src/handover/conversation.ts';
import { type Offered, offerTakeOver } from '../../src/handover/offer.ts';
import { listen, type Place } from '../../src/listen.ts';
import { temporaryFolder } from '../helpers/cleanup.ts';
import { until } from '../helpers/until.ts';

const file = join(import.meta.dirname, '..', '..', 'scripts', 'runtime', 'pass-socket.cjs');
const helper = { execPath: process.execPath, file };
const patient: AskSettings = { helper, answerMs: 60_000, handMs: 60_000 };

let path: string;
let door: Server;
let place: Place;
let done: string[];
/** Whether what was let go can be had back. */
let free: boolean;

beforeEach(async () => {
  path = join(temporaryFolder(), 'socket');
  done = [];
  free = true;
  door = createServer((_, response) => response.end('old'));
  await listen(door, { host: '127.0.0.1', port: 0 }, '');
  place = { host: '127.0.0.1', port: (door.address() as AddressInfo).port };
});
afterEach(() => void door.close());

async function offer(more: Partial<Offered> = {}) {
  const offered: Offered = {
    about: () => ({
      ...{ pid: process.pid, version: '1', inherited: [] },
      places: { door: place, admin: null },
    }),
    socket: (name) => (name === 'door' ? door : null),
    refusal: () => null,
    release: async () => void done.push('let go'),
    reclaim: async () => {
      done.push(free ? 'had back' : 'not free');
      return free;
    },
    taken: (pid) => void done.push(`taken by ${pid}`),
    log: () => {},
    ...more,
  };
  const one = await offerTakeOver(path, offered, { helper, reclaimMs: 50 });
  onTestFinished(() => one.close());
  return one;
}

async function find(settings = patient) {
  const older = await findOlder(path, 'the old one', settings);
  onTestFinished(() => older.close());
  return older;
}

const ask = async () => (await fetch(`http://127.0.0.1:${place.port}/`)).text();

test('a listening socket goes to another process and is never closed between', async () => {
  await offer();
  const older = await find();
  await older.ask(7);
  const next = createServer((_, response) => response.end('new'));
  await listen(next, { ...place, open: older.open('door') }, '');
  onTestFinished(() => void next.close());
  expect(next.address()).toEqual(door.address());
  NetServer.prototype.close.call(door);
  expect(await ask()).toBe('new');
  await older.release();
  older.taken();
  await until('it is told', () => done.length === 2);
  expect(done).toEqual(['let go', 'taken by 7']);
});

test('a socket that is not there is not handed over, and the rest goes on', async () => {
  await offer();
  const older = await find();
  await older.ask(7);
  const next = createServer();
  const opened = listen(next, { ...place, open: older.open('admin') }, '');
  await expect(opened).rejects.toThrow('the old one could not hand its socket over');
  expect(await ask()).toBe('old');
});

test('one at a time takes over', async () => {
  await offer();
  const [first, second] = [await find(), await find()];
  await first.ask(7);
  await expect(second.ask(8)).rejects.toThrow('another process (pid 7) is taking over');
  first.close();
  await until('it may be asked again', async () =>
    (await find()).ask(9).then(
      () => true,
      () => false,
    ),
  );
  expect(done).toEqual([]);
});

test('who refuses says why and what to do', async () => {
  await offer({ refusal: (pid) => ({ message: `not for ${pid}`, remedy: 'Go away' }) });
  const refused = (await find()).ask(7);
  await expect(refused).rejects.toMatchObject({ message: 'not for 7', remedy: 'Go away' });
});

test('what was let go is had back when the other one ends without having taken it', async () => {
  await offer();
  const older = await find();
  await older.ask(7);
  await older.release();
  older.close();
  await until('it is had back', () => done.includes('had back'));
});

test('what was let go is had back from one that says nothing, as soon as it is free', async () => {
  free = false;
  await offer();
  const older = await find();
  await older.ask(7);
  await older.release();
  await until(
    'it was looked for twice',
    () => done.filter((each) => each === 'not free').length > 1,
  );
  free = true;
  await until('it is had back', () => done.includes('had back'));
  older.taken();
  await (await find()).ask(8);
  expect(done).not.toContain('taken by 7');
});

test('what cannot be let go is refused, and had back', async () => {
  const said: string[] = [];
  const release = async () => {
    throw new Error('no room');
  };
  await offer({ release, log: (line) => said.push(line) });
  const older = await find();
  await older.ask(7);
  await expect(older.release()).rejects.toThrow('it could not let go of what only one may hold');
  await until('it is had back', () => done.includes('had back'));
  expect(said).toContainEqual(expect.stringContaining('handing over: Error: no room'));
});

test('what cannot be had back is asked for again', async () => {
  let tries = 0;
  const reclaim = async () => {
    tries += 1;
    if (tries < 3) throw new Error('no room');
    return true;
  };
  await offer({ reclaim });
  const older = await find();
  await older.ask(7);
  await older.release();
  older.close();
  await until('it is had back', () => tries === 3);
  const next = await find();
  await next.ask(8);
  await next.release();
  next.taken();
  await until('that one is told', () => done.includes('taken by 8'));
});

test('what goes on while it ends is waited for, and nothing begins', async () => {
  let finish = () => {};
  const reclaim = async () => {
    done.push('begins');
    await new Promise<void>((resolve) => {
      finish = resolve;
    });
    done.push('has it back');
    return true;
  };
  const one = await offer({ reclaim });
  const older = await find();
  await older.ask(7);
  await older.release();
  await until('it is asked back', () => done.includes('begins'));
  const ended = one.close().then(() => done.push('ended'));
  finish();
  await ended;
  expect(done).toEqual(['let go', 'begins', 'has it back', 'ended']);
});

test('whoever is connected keeps no process from its end', async () => {
  const one = await offer();
  const sockets = [await connectTo(path), await connectTo(path)];
  const closed = sockets.map((socket) => once(socket, 'close'));
  for (const socket of sockets) socket.resume();
  await find();
  await one.close();
  await Promise.all(closed);
});

test.each([
  ['no JSON', 'hello'],
  ['no word', '{"pid":1}'],
  ['a process that is none', '{"word":"ask","pid":"1/../1"}'],
  ['a socket that no door has', '{"word":"socket","name":"constructor","key":""}'],
  ['a line without an end', `"${'x'.repeat(20_000)}`],
])('who says %s is not listened to any longer', async (_, line) => {
  await offer();
  const socket = await connectTo(path);
  socket.resume().write(`${line}\n`);
  await once(socket, 'close');
  await (await find()).ask(8);
});

test('a socket that comes when nobody waits for it any more is not used', async () => {
  const before = children();
  const late = () => {
    // All that is to come has come once the helpers have ended; then time is up before it is looked at.
    setImmediate(() => {
      const isHelper = (pid: number) => !before.includes(pid);
      while (children().filter(isHelper).some(isAlive)) pauseHere(5);
    });
    return door;
  };
  await offer({ socket: late });
  const older = await find({ ...patient, handMs: 1 });
  await older.ask(7);
  const next = createServer((_, response) => response.end('new'));
  onTestFinished(() => void next.close());
  const opened = listen(next, { ...place, open: older.open('door') }, '');
  await expect(opened).rejects.toThrow('it did not come in time');
  // What has come is looked at in the next turns.
  for (let turn = 0; turn < 10; turn += 1) await new Promise((go) => setImmediate(go));
  expect(next.listening).toBe(false);
  await new Promise((resolve) => door.close(resolve));
  await expect(ask()).rejects.toThrow();
});

/** Processes that this one has started, ended or not. */
function children(): number[] {
  const files = readdirSync('/proc/self/task').map((task) => `/proc/self/task/${task}/children`);
  const listed = files.filter(existsSync).map((file) => readFileSync(file, 'utf8'));
  return listed.flatMap((text) => text.split(' ').filter(Boolean).map(Number));
}

function isAlive(pid: number): boolean {
  return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

function pauseHere(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

test('one that is silent, speaks something else, or is not there is told apart', async () => {
  const silent = createSilent((socket) => socket.resume()).listen(path);
  await once(silent, 'listening');
  onTestFinished(() => void silent.close());
  const hasty = { ...patient, answerMs: 50 };
  await expect(find(hasty)).rejects.toThrow(
    'does not answer within 0.05 s: it is stopped, or hangs',
  );
  await expect(findOlder(`${path}x`, 'the old one', patient)).rejects.toThrow(
    'the old one does not hand over at this moment',
  );
  silent.removeAllListeners('connection').on('connection', (socket) => socket.end('hello\n'));
  await expect(find()).rejects.toThrow('the old one ended, or gave up');
});
