import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createSilent, Server as NetServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { type AskSettings, findOlder } from '../../src/handover/ask.ts';
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
      ...{ pid: process.pid, version: '1', inherited: false },
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
