import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type CatLimits, catApp } from '../../../src/cats/cat-app.ts';
import { defaults } from '../../../src/defaults.ts';
import type { RunningServer } from '../../../src/server/options.ts';
import { serve } from '../../../src/server/serve.ts';
import type { Store } from '../../../src/store/store.ts';
import { needs, testWith } from '../../helpers/needs.ts';
import { startRedis, type TestRedis } from '../../helpers/redis.ts';
import { openStore } from '../../helpers/store.ts';
import { until } from '../../helpers/until.ts';
import { measured, request } from '../../helpers/yardstick.ts';
import { catOptions } from '../cat-options.ts';
import { jpeg, png } from '../sample-pictures.ts';

const MIB = 1_024 * 1_024;
/** A picture of so many bytes: much stands behind it. */
const picture = (bytes: number, of = png) =>
  Buffer.concat([of, Buffer.alloc(bytes - of.length, 1)]);

let redis: TestRedis;
let store: Store;
let raw: Redis;
const home = mkdtempSync(join(tmpdir(), 'meow-test-uploads-'));
const folder = join(home, 'tmp');
let server: RunningServer | null = null;
const logged: string[] = [];
const sockets: { destroy(): void }[] = [];

beforeAll(async () => {
  redis = await startRedis();
  store = await openStore(redis.url);
  raw = new Redis(redis.url);
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server?.cut();
  await server?.retire(0);
  rmSync(folder, { recursive: true, force: true });
  logged.length = 0;
  await raw.flushall();
});
afterAll(async () => {
  raw.disconnect();
  await store.close();
  await redis.stop();
  rmSync(home, { recursive: true, force: true });
});

async function start(other: Partial<CatLimits> = {}) {
  const log = (line: string) => logged.push(line);
  const createApp = catApp({ store, spoolFolder: folder, limits: { ...defaults, ...other }, log });
  server = await serve({ store, ownDesired: null, log, createApp }, catOptions);
  return server.record();
}

function form(...pictures: Buffer[]): Buffer {
  const head = '--x\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n';
  const parts = pictures.flatMap((bytes) => [Buffer.from(head), bytes, Buffer.from('\r\n')]);
  return Buffer.concat([...parts, Buffer.from('--x--\r\n')]);
}

/** An upload by hand: what came back, and whether its connection has ended. */
function open(port: number, body: Buffer, lines = `Content-Length: ${body.length}\r\n`) {
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  const seen = { text: '', ended: false, socket };
  const type = 'Content-Type: multipart/form-data; boundary=x\r\n';
  socket.write(`POST /upload HTTP/1.1\r\nHost: a\r\n${type}${lines}\r\n`);
  socket.on('data', (piece) => {
    seen.text += piece;
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    seen.ended = true;
  });
  return seen;
}
const answered = (seen: { text: string }) =>
  until('an answer', () => seen.text.includes('\r\n\r\n'));
/** Descriptors of this process that lead to files in the folder, without a name by now. */
const spooled = () =>
  Number(
    spawnSync('sh', [
      '-c',
      `ls -l /proc/${process.pid}/fd | grep -c '${folder}/upload-.*(deleted)'`,
    ]).stdout,
  );

test('an upload that memory has no room for goes through files without a name, byte for byte', async () => {
  const { url, port } = await start({ maxUploadMemoryBytes: MIB / 4 });
  const held = form(picture(MIB / 4 - 500));
  const first = open(port, held);
  first.socket.write(held.subarray(0, 100_000));
  await until('it is being read', () => server?.record().inflight === 1);
  const pictures = [picture(400_000), jpeg, picture(150_000), picture(300_000, jpeg)];
  const body = form(...pictures);
  const second = open(port, body);
  second.socket.write(body.subarray(0, body.length - 10));
  await until('a file is open', () => spooled() === 1);
  expect(readdirSync(folder)).toEqual([]);
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  expect(await raw.keys('{meow}:image*')).toEqual([]);
  second.socket.write(body.subarray(body.length - 10));
  await answered(second);
  expect(second.text).toMatch(/^HTTP\/1.1 201 /);
  first.socket.write(held.subarray(100_000));
  await answered(first);
  expect(first.text).toMatch(/^HTTP\/1.1 201 /);
  for (const wanted of [picture(MIB / 4 - 500), ...pictures.reverse()]) {
    const answer = await fetch(`${url}/meow`);
    expect(Buffer.from(await answer.arrayBuffer()).equals(wanted)).toBe(true);
  }
  await until('no file is left open', () => spooled() === 0);
});

test('many uploads at once through files all arrive whole', async () => {
  const { url } = await start({ maxUploadMemoryBytes: 0 });
  const pictures = Array.from({ length: 12 }, (_, n) => picture(100_000 + n * 1_000));
  const answers = await Promise.all(
    pictures.map((bytes) => {
      const body = new FormData();
      body.append('image', new Blob([new Uint8Array(bytes)]), 'a.png');
      return fetch(`${url}/upload`, { method: 'POST', body });
    }),
  );
  expect(answers.map(({ status }) => status)).toEqual(Array(12).fill(201));
  const sizes: number[] = [];
  for (const _ of pictures)
    sizes.push((await (await fetch(`${url}/meow`)).arrayBuffer()).byteLength);
  expect(sizes.sort()).toEqual(pictures.map(({ length }) => length).sort());
});

test('an upload over the budget is 503 before its body is read, and room comes back', async () => {
  const { port } = await start({ maxUploadMemoryBytes: 250_000, maxSpoolBytes: 250_000 });
  const half = form(picture(200_000));
  const held = [open(port, half), open(port, half)];
  for (const { socket } of held) socket.write(half.subarray(0, 1_000));
  await until('both are held', () => server?.record().inflight === 2);
  await until('one is in a file', () => spooled() === 1);
  const third = open(port, half, `Expect: 100-continue\r\nContent-Length: ${half.length}\r\n`);
  await answered(third);
  expect(third.text).toMatch(/^HTTP\/1.1 503 [\s\S]*\r\nretry-after: 1\r\n/i);
  expect(third.text).toContain('no room for another upload now');
  await until('its connection is closed', () => third.ended);
  for (const { socket } of held) socket.destroy();
  await until('both are gone', () => server?.record().inflight === 0 && spooled() === 0);
  const fourth = open(port, half, `Expect: 100-continue\r\nContent-Length: ${half.length}\r\n`);
  await until('it may send', () => fourth.text === 'HTTP/1.1 100 Continue\r\n\r\n');
  fourth.socket.write(half);
  await until('it is kept', () => fourth.text.includes('HTTP/1.1 201 '));
  expect(logged).toEqual([]);
});

test('an upload that does not say its length is promised as much as one may have', async () => {
  const { port } = await start({ maxUploadMemoryBytes: 40 * MIB, maxSpoolBytes: 0 });
  const chunked = 'Transfer-Encoding: chunked\r\n';
  const body = form(jpeg);
  const first = open(port, body, chunked);
  await until('it is held', () => server?.record().inflight === 1);
  const second = open(port, body, chunked);
  await answered(second);
  expect(second.text).toMatch(/^HTTP\/1.1 503 /);
  first.socket.write(`${body.length.toString(16)}\r\n`);
  first.socket.write(Buffer.concat([body, Buffer.from('\r\n0\r\n\r\n')]));
  await answered(first);
  expect(first.text).toMatch(/^HTTP\/1.1 201 /);
});

test('a client that falls silent in mid-upload is cut, and nothing of it is left', async () => {
  const { port } = await start({ maxUploadMemoryBytes: 0, bodyIdleMs: 200 });
  const body = form(picture(MIB));
  const seen = open(port, body);
  seen.socket.write(body.subarray(0, 1_000));
  await until('it is cut', () => seen.ended);
  expect(seen.text).toMatch(/^HTTP\/1.1 408 [\s\S]*nothing came for 0.2 s\n$/);
  expect(spooled()).toBe(0);
  expect(await raw.keys('{meow}:image*')).toEqual([]);
});

test('a folder for uploads that cannot be used leaves memory as their only room; that is said once', async () => {
  writeFileSync(folder, 'not a folder');
  const { port } = await start({ maxUploadMemoryBytes: MIB });
  const small = form(jpeg);
  const large = form(picture(2 * MIB));
  for (const [body, status] of [
    [large, 503],
    [small, 201],
    [large, 503],
  ] as const) {
    const seen = open(port, body);
    seen.socket.write(body);
    await answered(seen);
    expect(seen.text).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  }
  expect(logged).toEqual([`uploads are kept in memory alone: folder "${folder}": not a directory`]);
});

test('what a killed server left in the folder for uploads is swept at the next start, and nothing else', async () => {
  mkdirSync(folder);
  for (const name of ['upload-abc', 'mine']) writeFileSync(join(folder, name), 'x');
  await start();
  expect(readdirSync(folder)).toEqual(['mine']);
});

test('a Redis that hangs costs no upload more than a second, wherever it waits', async () => {
  const { port } = await start({ maxUploadMemoryBytes: 0 });
  const body = form(picture(100_000));
  const all = Array.from({ length: 5 }, () => open(port, body));
  for (const { socket } of all) socket.write(body.subarray(0, body.length - 10));
  await until('all are held', () => spooled() === 5);
  await redis.kill('SIGSTOP');
  for (const { socket } of all) socket.write(body.subarray(body.length - 10));
  const answers = () => all.every(({ text }) => text.includes('\r\n\r\n'));
  const { ms, slackMs } = await measured(until('all are answered', answers), request);
  await redis.kill('SIGCONT');
  expect(all.map(({ text }) => text.slice(9, 12))).toEqual(Array(5).fill('503'));
  expect(ms).toBeLessThan(1_000 + slackMs);
  await until('nothing is held', () => spooled() === 0);
  const last = open(port, body);
  last.socket.write(body);
  await answered(last);
  expect(last.text).toMatch(/^HTTP\/1.1 201 /);
});

testWith(
  needs.mount,
  'an upload on a full disk is 503 before its body is read, and 201 once there is room',
  async () => {
    mkdirSync(folder);
    spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', folder]);
    try {
      const { port } = await start({ maxUploadMemoryBytes: 0 });
      const body = form(picture(300_000));
      const first = open(port, body);
      first.socket.write(body.subarray(0, 100_000));
      await until('it is written', () => spooled() === 1);
      const second = open(port, body);
      await answered(second);
      expect(second.text).toMatch(/^HTTP\/1.1 503 /);
      first.socket.write(body.subarray(100_000));
      await answered(first);
      expect(first.text).toMatch(/^HTTP\/1.1 201 /);
      await until('there is room again', () => spooled() === 0);
      const third = open(port, body);
      await until('it is held', () => spooled() === 1);
      // What statfs could not foresee: somebody else fills it now.
      spawnSync('dd', ['if=/dev/zero', `of=${join(folder, 'fill')}`, 'bs=4k']);
      third.socket.write(body);
      await answered(third);
      expect(third.text).toMatch(/^HTTP\/1.1 503 [\s\S]*\r\nretry-after: 1\r\n/i);
      expect(logged).toEqual([expect.stringMatching(/^uploads are kept in memory alone: .*space/)]);
    } finally {
      spawnSync('umount', ['-l', folder]);
    }
  },
);
