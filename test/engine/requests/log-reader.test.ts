import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { LogReader } from '../../../src/engine/requests/log-reader.ts';
import { temporaryFolder } from '../../helpers/cleanup.ts';
import { until } from '../../helpers/until.ts';

/* Whoever is at the other end may send anything. With HAProxy: requests.test.ts. */

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

async function open() {
  const path = join(temporaryFolder(), 'a.sock');
  const sockets: Socket[] = [];
  const asked: string[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {}).on('data', (piece) => asked.push(String(piece)));
  });
  const listen = () => new Promise<void>((resolve) => server.listen(path, resolve));
  const lines: string[] = [];
  const limits = { engineWatchMs: 20, engineCommandMs: 60_000 };
  const reader = new LogReader(path, (line) => lines.push(line), limits);
  ends.push(() => {
    reader.close();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { reader, listen, sockets, asked, lines };
}

test('a reader of HAProxy’s log begins when somebody is there, and again after each end', async () => {
  const { reader, listen, sockets, asked, lines } = await open();
  reader.start();
  reader.start();
  await listen();
  await until('it has asked', () => asked.length === 1);
  sockets[0]?.write('one\ntwo\nthr');
  await until('both are there', () => lines.length === 2);
  sockets[0]?.destroy();
  await until('it has asked again', () => asked.length === 2);
  sockets[1]?.write('one\n');
  await until('it is there', () => lines.length === 3);
  expect([lines, sockets.length]).toEqual([['one', 'two', 'one'], 2]);
  expect(new Set(asked)).toEqual(new Set(['show events requests -w\n']));
});

test('it puts torn lines together, leaves out what is endless, and holds none of it', async () => {
  const { reader, listen, sockets, asked, lines } = await open();
  await listen();
  reader.start();
  await until('it has asked', () => asked.length === 1);
  for (const piece of ['a', 'b\nc', '\n', '\n']) {
    sockets[0]?.write(piece);
    await new Promise((resolve) => setImmediate(resolve));
  }
  sockets[0]?.write('x'.repeat(10_000_000));
  sockets[0]?.write(`tail of it\n${String.fromCharCode(0, 255)}\nlast\n`, 'latin1');
  await until('the last is there', () => lines.at(-1) === 'last');
  expect(lines).toEqual(['ab', 'c', '', '\0\u00ff', 'last']);
});

test('it takes what was said before an end, and reads no more after it', async () => {
  const { reader, listen, sockets, asked, lines } = await open();
  await listen();
  reader.start();
  await until('it has asked', () => asked.length === 1);
  sockets[0]?.end('said before\n');
  await reader.finish();
  expect(lines).toEqual(['said before']);
  expect(sockets).toHaveLength(1);
});

test('it lets go of a worker that leaves when that is idle, and hears the next one at once', async () => {
  const { reader, listen, sockets, asked, lines } = await open();
  await listen();
  reader.start();
  await until('it has asked', () => asked.length === 1);
  const worker = { isIdle: false, isClosed: false };
  reader.renew({
    isIdle: async () => worker.isIdle,
    close() {
      worker.isClosed = true;
    },
  });
  await until('it has asked the next one', () => asked.length === 2);
  for (const socket of sockets) socket.write('said\n');
  await until('both are heard', () => lines.length === 2);
  expect([worker.isClosed, sockets[0]?.readableEnded]).toEqual([false, false]);
  worker.isIdle = true;
  await until('the old one is let go', () => worker.isClosed && sockets[0]?.readableEnded);
  expect(sockets[1]?.readableEnded).toBe(false);
});
