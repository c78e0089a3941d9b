import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Admin } from '../../src/admin/admin.ts';
import { adminOf, TOKEN } from '../helpers/admin.ts';
import { ask } from '../helpers/clients.ts';
import { type Fleet, startFleet } from '../helpers/door-fleet.ts';
import { freePort } from '../helpers/redis.ts';

const all = { authorization: `Bearer ${TOKEN}` };
const png = readFileSync(join(import.meta.dirname, '..', '..', 'img', 'night.png'));

let fleet: Fleet;
let admin: Admin;
let port: number;
let raw: Redis;
let id: string;
beforeAll(async () => {
  fleet = await startFleet();
  raw = new Redis(fleet.redis.url);
  port = await freePort();
  admin = adminOf(fleet, await fleet.open(0), { port });
  await admin.listen();
  const { images } = await fleet.store.images.enqueue([
    { data: png, type: 'image/png', name: 'a\u202e<script>.png' },
  ]);
  id = images[0]?.id ?? '';
});
afterAll(async () => {
  admin.close();
  raw.disconnect();
  await fleet.stop();
});

const get = async (path: string, headers: Record<string, string> = all) => {
  const answer = await ask(port, path, { headers });
  return { ...answer, value: JSON.parse(answer.body) as unknown };
};

describe('the picture queue on the admin listener', () => {
  test('is a number of pictures and bytes for anybody, and a list with the token', async () => {
    const size = { pictures: 1, bytes: png.length, delivering: 0 };
    expect((await get('/queue', {})).value).toEqual(size);
    const item = { id, type: 'image/png', size: png.length, name: 'a\\u202e<script>.png' };
    expect((await get('/queue')).value).toEqual({ ...size, items: [item] });
  });

  test('gives a picture to look at with the token, which can do nothing, and keeps it', async () => {
    for (let at = 0; at < 2; at += 1) {
      const { status, headers, body } = await ask(port, `/pictures/${id}`, { headers: all });
      expect([status, headers['content-type']]).toEqual([200, 'image/png']);
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'cache-control': 'no-store',
      });
      expect(headers['content-security-policy']).toContain("default-src 'none'; sandbox");
      expect(Buffer.from(body, 'latin1').equals(png)).toBe(true);
    }
    expect((await fleet.store.images.peek())?.id).toBe(id);
  });

  test('gives no picture without the token', async () => {
    expect((await ask(port, `/pictures/${id}`)).status).toBe(401);
  });

  test.each(['abcdefghijkl', '..', '%2e%2e', 'a', `${'a'.repeat(300)}`, '__proto__'])(
    'has no picture %j',
    async (name) => {
      expect((await ask(port, `/pictures/${name}`, { headers: all })).status).toBe(404);
    },
  );

  test('gives nothing that somebody put there and that is no picture, whatever it says it is', async () => {
    const planted = 'planted01234';
    await raw.hset(`{meow}:image:${planted}`, { data: '<script>', type: 'image/png', name: 'x' });
    await raw.lpush('{meow}:images', planted);
    onTestFinished(async () => void (await raw.lrem('{meow}:images', 1, planted)));
    expect((await ask(port, `/pictures/${planted}`, { headers: all })).status).toBe(404);
  });

  test('goes on giving pictures after clients who left in the middle of one', async () => {
    for (let at = 0; at < 10; at += 1) {
      const socket = connect(port, '127.0.0.1').on('error', () => {});
      const lines = ['Host: localhost', `Authorization: Bearer ${TOKEN}`];
      socket.write(`GET /pictures/${id} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
      socket.once('data', () => socket.destroy());
    }
    const many = Array.from({ length: 20 }, () => ask(port, `/pictures/${id}`, { headers: all }));
    expect((await Promise.all(many)).map(({ status }) => status)).toEqual(Array(20).fill(200));
  });
});

test('what clients asked for last is told with the token only', async () => {
  await fleet.store.visits.recordAndRead('/secret?key=1');
  expect((await get('/recent')).value).toEqual(['/secret?key=1']);
  expect((await ask(port, '/recent')).status).toBe(401);
});
