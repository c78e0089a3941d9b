import { connect, type Socket } from 'node:net';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { catApp } from '../../../src/cats/cat-app.ts';
import { defaults } from '../../../src/defaults.ts';
import type { RunningServer } from '../../../src/server/options.ts';
import { serve } from '../../../src/server/serve.ts';
import type { Store } from '../../../src/store/store.ts';
import { startRedis, type TestRedis } from '../../helpers/redis.ts';
import { openStore } from '../../helpers/store.ts';
import { catOptions } from '../cat-options.ts';
import { jpeg } from '../sample-pictures.ts';

let redis: TestRedis;
let store: Store;
let raw: Redis;
let server: RunningServer;
let url: string;

beforeAll(async () => {
  redis = await startRedis();
  store = await openStore(redis.url);
  raw = new Redis(redis.url);
  const log = () => {};
  const createApp = catApp({ store, spoolFolder: null, limits: defaults, log });
  server = await serve({ store, ownDesired: null, createApp, log }, catOptions);
  url = server.record().url;
});
beforeEach(() => raw.flushall());
afterAll(async () => {
  await server.retire(100);
  raw.disconnect();
  await store.close();
  await redis.stop();
});

const upload = (body: FormData) => fetch(`${url}/upload`, { method: 'POST', body });
const queued = () => raw.llen('{meow}:images');

describe('an upload', () => {
  test('that is refused by its head is read on for 16 clients at once, for no more', async () => {
    const bytes = 24 * 1_048_576;
    const all = await Promise.all(Array.from({ length: 20 }, () => sendAll(bytes)));
    expect(all.map(({ text }) => text.slice(9, 12))).toEqual(Array(20).fill('413'));
    expect(all.filter(({ sent }) => sent === bytes)).toHaveLength(16);
    for (const { socket } of all) socket.destroy();
  });

  const part = (name: string) =>
    `--x\r\nContent-Disposition: form-data; name="${name}"; filename="a"`;
  test.each([
    ['no boundary', 'multipart/form-data', '', 400],
    ['no file', 'multipart/form-data; boundary=x', '--x--\r\n', 400],
    ['a truncated body', 'multipart/form-data; boundary=x', `${part('image')}\r\n\r\nx`, 400],
    ['JSON', 'application/json', '{}', 415],
  ])('a form with %s is refused', async (_, type, body, status) => {
    const headers = { 'content-type': type };
    const answer = await fetch(`${url}/upload`, { method: 'POST', headers, body });
    expect(answer.status).toBe(status);
  });

  const body = (...parts: (readonly [disposition: string, bytes: Buffer, type?: string])[]) => {
    const written = parts.map(([disposition, bytes, type]) => {
      const head = `--x\r\nContent-Disposition: form-data; ${disposition}\r\n`;
      const typed = type === undefined ? '' : `Content-Type: ${type}\r\n`;
      return Buffer.concat([
        Buffer.from(`${head}${typed}\r\n`, 'latin1'),
        bytes,
        Buffer.from('\r\n'),
      ]);
    });
    return Buffer.concat([...written, Buffer.from('--x--\r\n')]);
  };
  const send = async (form: Buffer) => {
    const headers = { 'content-type': 'multipart/form-data; boundary=x' };
    const answer = await fetch(`${url}/upload`, {
      method: 'POST',
      headers,
      body: new Uint8Array(form),
    });
    return [answer.status, (await answer.text()).trim()];
  };
  const file = ['name="image"; filename="a.jpg"', jpeg] as const;
  const text = Buffer.from('cat.jpg');
  const asText = [400, 'the field image came as text: send a file, as curl -F image=@cat.jpg does'];
  test.each([
    ['text where a file was meant', [['name="image"', text]], asText],
    ['text where a file was meant, beside a file', [file, ['name="image"', text]], asText],
    ['a picture without a file name', [['name="image"', jpeg, 'image/jpeg']], asText],
    [
      'bytes without a file name',
      [['name="image"', jpeg, 'application/octet-stream']],
      [400, 'a file came without a name in the field "image": it needs filename='],
    ],
    [
      'text in another field',
      [
        ['name="photo"', text],
        ['name="b\u00e2\u0080\u00ae"', text],
      ],
      [400, 'no file in the field image, but text in "photo", "b\\u202e"'],
    ],
    [
      'a file in another field',
      [file, ['name="b\u00fccher[]"; filename="a.jpg"', jpeg]],
      [400, 'a file came in the field "b\u00fccher[]": pictures are wanted in the field image'],
    ],
    [
      'a file that was not chosen',
      [['name="image"; filename=""', Buffer.alloc(0), 'application/octet-stream']],
      [400, 'no file in the field image'],
    ],
    [
      'too much text',
      [['name="note"', Buffer.alloc(2_000, 'x')]],
      [413, 'multipart: Field value too long: "note"'],
    ],
  ] as const)('a form with %s is told what came and what is wanted', async (_, parts, told) => {
    expect(await send(body(...parts))).toEqual(told);
    expect(await queued()).toBe(0);
  });

  test('what is no form is told what came', async () => {
    const answer = await fetch(`${url}/upload`, {
      method: 'POST',
      body: new URLSearchParams('a=b'),
    });
    expect([answer.status, await answer.text()]).toEqual([
      415,
      expect.stringContaining('not "application/x-www-form-urlencoded'),
    ]);
  });

  test.each([
    ['filename="k\u00e4tzchen.png"', 'Latin-1', 'k\u00e4tzchen.png'],
    ['filename="k\u00c3\u00a4tzchen.png"', 'UTF-8', 'k\u00e4tzchen.png'],
    [
      'filename="\u00e9\u00c3\u00a4.png"',
      'Latin-1 that looks like UTF-8 in part',
      '\u00e9\u00c3\u00a4.png',
    ],
    ["filename*=UTF-8''k%C3%A4tzchen.png", 'filename*', 'k\u00e4tzchen.png'],
    ["filename*=UTF-8''%E7%8C%AB.png", 'filename* of larger characters', '\u732b.png'],
    [
      'filename="a.png"; filename*=iso-8859-1\'\'k%E4tzchen.png',
      'filename* in Latin-1',
      'k\u00e4tzchen.png',
    ],
    ["filename*=UTF-8''k%E4tz.png", 'filename* that is not what it says', 'ktz.png'],
  ])('the name %s (%s) is kept as %j', async (disposition, _, name) => {
    const [status, text] = await send(body([`name="image"; ${disposition}`, jpeg]));
    expect([status, JSON.parse(String(text)).images[0].name]).toEqual([201, name]);
    const answer = await fetch(`${url}/meow`);
    expect(answer.headers.get('content-disposition')).toBe(
      `inline; filename*=UTF-8''${encodeURIComponent(name)}`,
    );
    await answer.arrayBuffer();
  });

  test.each([
    ['../../etc/x.png', 'x.png'],
    ['C:\\cats\\x.png', 'x.png'],
    ['\u202egnp.x', 'gnp.x'],
    ['k\u00e4tzchen.png', 'k\u00e4tzchen.png'],
    [`${'x'.repeat(300)}.png`, 'x'.repeat(100)],
  ])('the name %j is kept as %j', async (given, kept) => {
    const data = new FormData();
    data.append('image', new Blob([new Uint8Array(jpeg)]), given);
    const { images } = (await (await upload(data)).json()) as { images: { name: string }[] };
    expect(images[0]?.name).toBe(kept);
  });
});

/** Sends a body that was refused by its length already, and does not end when it is told so. */
function sendAll(bytes: number): Promise<{ sent: number; text: string; socket: Socket }> {
  const piece = Buffer.alloc(1_048_576);
  let [sent, text] = [0, ''];
  return new Promise((resolve) => {
    const { port } = server.record();
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => {
      const type = 'Content-Type: multipart/form-data; boundary=x';
      const length = `Content-Length: ${64 * bytes}`;
      socket.write(`POST /upload HTTP/1.1\r\nHost: a\r\n${type}\r\n${length}\r\n\r\n`);
      for (let at = 0; at < bytes; at += piece.length) socket.write(piece, taken);
    });
    const tell = () => resolve({ sent, text, socket });
    const taken = (error?: Error | null) => {
      if (!error) sent += piece.length;
      if (sent === bytes && text !== '') tell();
    };
    socket.on('data', (part) => {
      text += part.toString('latin1');
      if (sent === bytes) tell();
    });
    socket.on('error', () => {}).on('close', tell);
  });
}
