import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { catApp } from '../../src/cats/cat-app.ts';
import { defaults } from '../../src/defaults.ts';
import type { RunningServer } from '../../src/server/options.ts';
import { serve } from '../../src/server/serve.ts';
import type { Store } from '../../src/store/store.ts';
import { startRedis, type TestRedis } from '../helpers/redis.ts';
import { openPatientStore, openStore } from '../helpers/store.ts';
import { until } from '../helpers/until.ts';
import { measured, request } from '../helpers/yardstick.ts';
import { catOptions } from './cat-options.ts';
import {
  avif,
  gifScript,
  html,
  jpeg,
  motionPhoto,
  png,
  script,
  webp,
  zip,
} from './sample-pictures.ts';

const IMG = join(import.meta.dirname, '..', '..', 'img');
const morning = readFileSync(join(IMG, 'morning.jpg'));
const night = readFileSync(join(IMG, 'night.png'));
const MIB = 1_024 * 1_024;

let redis: TestRedis;
let store: Store;
let patient: Store;
let raw: Redis;
const logged: string[] = [];
let server: RunningServer;
let url: string;

beforeAll(async () => {
  redis = await startRedis();
  store = await openStore(redis.url);
  patient = await openPatientStore(redis.url);
  raw = new Redis(redis.url);
  const log = (line: string) => void logged.push(line);
  const createApp = catApp({ store, spoolFolder: null, limits: defaults, log });
  server = await serve({ store, ownDesired: null, createApp, log }, catOptions);
  url = server.record().url;
});
beforeEach(() => raw.flushall());
afterAll(async () => {
  await server.retire(100);
  raw.disconnect();
  await store.close();
  await patient.close();
  await redis.stop();
});

function form(...files: (Buffer | string)[]): FormData {
  const data = new FormData();
  for (const file of files) {
    const bytes = typeof file === 'string' ? readFileSync(join(IMG, file)) : file;
    const name = typeof file === 'string' ? file : 'cat.png';
    data.append('image', new Blob([new Uint8Array(bytes)]), name);
  }
  return data;
}
const upload = (body: FormData) => fetch(`${url}/upload`, { method: 'POST', body });
const queued = () => raw.llen('{meow}:images');
/** How many pictures were taken out so far: only a claim removes one from the middle of a list. */
const claimed = async () =>
  Number(/cmdstat_lrem:calls=(\d+)/.exec(await raw.info('commandstats'))?.[1] ?? 0);

describe('the built-in app', () => {
  test.each([
    ['GET', '/', 200, /^meow from abc234 on port \d+\n/],
    ['GET', '/test', 200, /^test$/],
    ['GET', '/set', 200, /^this message will self-destruct in 10 seconds$/],
    ['GET', '/get', 404, /no message/],
    ['GET', '/meow', 404, /no picture/],
    ['GET', '/recent', 200, /^\["\/recent"\]$/],
    ['GET', '/healthz', 200, /^\{"id":"abc234","state":"up"\}$/],
    ['GET', '/nothing', 404, /Not Found/],
    ['POST', '/get', 405, /Not Allowed/],
    ['GET', '/upload', 405, /Not Allowed/],
    ['POST', '/upload', 415, /multipart/],
    ['GET', '/set?ttl=0', 400, /ttl/],
    ['GET', '/set?ttl=86401', 400, /ttl/],
    ['GET', '/set?ttl=1e3', 400, /ttl/],
    ['GET', `/set?message=${'x'.repeat(4_097)}`, 400, /4096/],
    ['GET', '/set?key=a%2Fb', 400, /key/],
    ['GET', '/get?key=', 400, /key/],
    ['GET', '/set?key=a&key=b', 400, /once/],
  ])('answers %s %s with %i', async (method, path, status, text) => {
    const answer = await fetch(url + path, { method });
    expect(answer.status).toBe(status);
    expect(await answer.text()).toMatch(text);
    if (status === 405) expect(answer.headers.get('allow')).toBeTruthy();
  });

  test('keeps a message exactly as it was given', async () => {
    const message = 'ärger & <b>\n';
    await fetch(`${url}/set?message=${encodeURIComponent(message)}&key=k&ttl=60`);
    const answer = await fetch(`${url}/get?key=k`);
    expect(await answer.text()).toBe(message);
    expect(answer.headers.get('content-type')).toContain('text/plain');
  });

  test('remembers the five most recent visits, and not health checks', async () => {
    for (const path of ['/a', '/b?x=1', '/c', '/healthz', '/d', '/e']) await fetch(url + path);
    const recent = await (await fetch(`${url}/recent`)).json();
    expect(recent).toEqual(['/recent', '/e', '/d', '/c', '/b?x=1']);
  });

  test('lists visits as escaped html for who prefers it', async () => {
    await raw.lpush('{meow}:recent', '/<script>');
    const answer = await fetch(`${url}/recent`, { headers: { accept: 'text/html' } });
    const text = await answer.text();
    expect(answer.headers.get('content-type')).toContain('text/html');
    expect(text).not.toContain('<script>');
    expect(text).toContain('&#60;script&#62;');
  });
});

describe('pictures', () => {
  test('go in and come out byte for byte, newest first, each once', async () => {
    const answer = await upload(form('morning.jpg', 'night.png'));
    expect(answer.status).toBe(201);
    const { images, queued: left } = (await answer.json()) as { images: object[]; queued: number };
    expect(left).toBe(2);
    expect(images[0]).toMatchObject({ type: 'image/jpeg', size: morning.length });
    const first = await fetch(`${url}/meow`);
    expect(first.headers.get('content-type')).toBe('image/png');
    await first.arrayBuffer();
    const second = await fetch(`${url}/meow`);
    expect(second.headers.get('content-disposition')).toBe("inline; filename*=UTF-8''morning.jpg");
    expect(second.headers.get('x-content-type-options')).toBe('nosniff');
    expect(second.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(Buffer.from(await second.arrayBuffer()).equals(morning)).toBe(true);
    await until('nothing is left', async () => (await raw.keys('{meow}:image:*')).length === 0);
  });

  test.each(['morning.jpg', 'night.png', 'box.webp', 'tail.gif'])(
    'of every kind are taken: %s',
    async (file) => {
      expect((await upload(form(file))).status).toBe(201);
    },
  );

  test.each([
    ['a film of the same moment', motionPhoto, 'image/jpeg'],
    ['a page', Buffer.concat([jpeg, html]), 'image/jpeg'],
    ['a zip', Buffer.concat([png, zip]), 'image/png'],
    ['a script', gifScript, 'image/gif'],
    ['a script and a page', Buffer.concat([webp, script, html]), 'image/webp'],
    ['a newline', Buffer.concat([avif, Buffer.from('\n')]), 'image/avif'],
  ])(
    'with %s behind them come out byte for byte, as a picture that may do nothing',
    async (_, data, type) => {
      expect((await upload(form(data))).status).toBe(201);
      for (const method of ['HEAD', 'GET']) {
        const answer = await fetch(`${url}/meow`, { method, headers: { accept: 'text/html' } });
        expect(Object.fromEntries(answer.headers)).toMatchObject({
          'content-type': type,
          'content-security-policy': "default-src 'none'; sandbox",
          'x-content-type-options': 'nosniff',
        });
        if (method === 'GET')
          expect(Buffer.from(await answer.arrayBuffer()).equals(data)).toBe(true);
      }
    },
  );

  test('HEAD looks and takes nothing', async () => {
    await upload(form('morning.jpg'));
    const head = await fetch(`${url}/meow`, { method: 'HEAD' });
    expect(head.status).toBe(200);
    expect(head.headers.get('content-length')).toBe(String(morning.length));
    expect(await queued()).toBe(1);
  });

  test('asked for by many at once are never given twice', async () => {
    await upload(form('morning.jpg', 'night.png', 'box.webp'));
    const answers = await Promise.all(Array.from({ length: 6 }, () => fetch(`${url}/meow`)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 404, 404, 404]);
    await Promise.all(answers.map((answer) => answer.arrayBuffer()));
  });

  test('go back on top when the client leaves in mid-download', async () => {
    const data = Buffer.concat([night, Buffer.alloc(8 * MIB)]);
    await patient.images.enqueue([{ data, type: 'image/png', name: 'l.png' }]);
    const socket = connect(server.record().port, '127.0.0.1');
    socket.write('GET /meow HTTP/1.1\r\nHost: x\r\n\r\n');
    await new Promise((resolve) => socket.once('data', resolve));
    socket.destroy();
    await until('it is queued again', async () => (await queued()) === 1);
    expect(await raw.hlen('{meow}:claims')).toBe(0);
  });

  test('go back on top when the client leaves before it was claimed', async () => {
    await upload(form('night.png'));
    const before = await claimed();
    await raw.client('PAUSE', 300, 'ALL');
    const socket = connect(server.record().port, '127.0.0.1');
    await new Promise((resolve) => socket.write('GET /meow HTTP/1.1\r\nHost: x\r\n\r\n', resolve));
    setTimeout(() => socket.destroy(), 50);
    await new Promise((resolve) => socket.once('close', resolve));
    await until('it was taken out', async () => (await claimed()) > before);
    await until('it is queued again', async () => (await queued()) === 1);
    expect(await raw.hlen('{meow}:claims')).toBe(0);
  });

  test.each([
    ['an svg', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'), 415],
    ['a pdf', Buffer.from('%PDF-1.4 hello'), 415],
    ['text named .png', Buffer.from('I am a cat'), 415],
    ['a picture with a page before it', Buffer.concat([html, night]), 415],
    ['a picture that is cut short', morning.subarray(0, -2), 415],
    ['an empty file', Buffer.alloc(0), 400],
    ['11 MiB', Buffer.alloc(11 * MIB), 413],
  ])('are refused, a good one too, where %s is among them', async (_, bytes, status) => {
    const answer = await upload(form('morning.jpg', bytes));
    expect(answer.status).toBe(status);
    expect(await queued()).toBe(0);
  });

  test('are too many where one request has eleven', async () => {
    expect((await upload(form(...Array(11).fill('night.png')))).status).toBe(413);
  });

  test('of a client that leaves in the middle of its upload leave nothing behind, not even a log line', async () => {
    for (let n = 0; n < 20; n++) {
      const socket = connect(server.record().port, '127.0.0.1');
      socket.write('POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n');
      socket.write('Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\nContent-Disposi');
      await until('it is being read', () => server.record().inflight > 0);
      socket.resetAndDestroy();
      await until('it is over', () => server.record().inflight === 0);
    }
    expect(await raw.keys('{meow}:image:*')).toEqual([]);
    expect(logged).toEqual([]);
  });

  test('are refused with 507 when the queue is full', async () => {
    await raw.set('{meow}:image-bytes', 256 * MIB);
    expect((await upload(form('night.png'))).status).toBe(507);
  });
});

describe('without Redis', () => {
  test('state routes say 503 within a second, the others go on', async () => {
    await redis.kill('SIGSTOP');
    for (const path of ['/get', '/set', '/recent', '/meow']) {
      const { value: answer, ms, slackMs } = await measured(fetch(url + path), request);
      expect([path, answer.status]).toEqual([path, 503]);
      expect(answer.headers.get('retry-after')).toBe('1');
      expect(ms).toBeLessThan(1_000 + slackMs);
    }
    expect((await fetch(url)).status).toBe(200);
    await redis.kill('SIGCONT');
    await until('it is well', async () => (await fetch(`${url}/set`)).status === 200);
  });
});
