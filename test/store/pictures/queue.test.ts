import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { NewPicture } from '../../../src/model/picture.ts';
import type { Store } from '../../../src/store/store.ts';
import { startRedis, type TestRedis } from '../../helpers/redis.ts';
import { openStore } from '../../helpers/store.ts';
import { until } from '../../helpers/until.ts';

let redis: TestRedis;
let store: Store;
let raw: Redis;

beforeAll(async () => {
  redis = await startRedis();
  store = await openStore(redis.url);
  raw = new Redis(redis.url);
});
afterEach(() => raw.flushall());
afterAll(async () => {
  raw.disconnect();
  await store.close();
  await redis.stop();
});

const picture = (name: string, data = Buffer.from([0, 255, 254, 13, 10])): NewPicture => ({
  data,
  type: 'image/png',
  name,
});
const claimed = async (token: string) => {
  const found = await store.images.claim(token);
  if (!found) throw new Error('nothing was claimed');
  return found;
};

describe('the picture queue', () => {
  test('gives the newest first, byte for byte', async () => {
    await store.images.enqueue([picture('one.png'), picture('two.png', Buffer.from('second'))]);
    expect(await store.images.claim('t')).toMatchObject({
      name: 'two.png',
      data: Buffer.from('second'),
    });
    expect(await store.images.claim('u')).toMatchObject({
      name: 'one.png',
      data: picture('').data,
    });
    expect(await store.images.claim('v')).toBeNull();
  });

  test('tells how much it holds and what, and gives one to look at, without taking any out', async () => {
    const { images } = await store.images.enqueue([
      picture('one.png'),
      picture('two.png', Buffer.from('second')),
      picture('three.png'),
    ]);
    await claimed('t');
    await raw.lpush('{meow}:images', 'not-ours', '../../../etc');
    expect(await store.images.size()).toEqual({ pictures: 4, bytes: 16, delivering: 1 });
    const [one, two] = images;
    expect(await store.images.list(10)).toEqual([two, one]);
    expect(await store.images.list(3)).toEqual([two]);
    expect(await store.images.read(two?.id ?? '')).toMatchObject({ data: Buffer.from('second') });
    expect(await store.images.read('not-ours')).toBeNull();
    expect(await store.images.read('abcdefghijkl')).toBeNull();
    expect((await store.images.peek())?.id).toBe(two?.id);
  });

  test('holds nothing where something else stands under its keys', async () => {
    for (const key of ['images', 'delivering', 'image-bytes'])
      await raw.hset(`{meow}:${key}`, 'a', 'b');
    expect(await store.images.size()).toEqual({ pictures: 0, bytes: 0, delivering: 0 });
    expect(await store.images.list(10)).toEqual([]);
  });

  test('keeps a claimed picture until it is acknowledged, then nothing of it', async () => {
    await store.images.enqueue([picture('one.png')]);
    const { id, claim } = await claimed('t');
    expect(await store.images.peek()).toBeNull();
    expect(await raw.exists(`{meow}:image:${id}`)).toBe(1);
    expect(await store.images.acknowledge(id, claim)).toBe(true);
    expect(await raw.keys('*')).toEqual(['{meow}:image-bytes']);
    expect(await raw.get('{meow}:image-bytes')).toBe('0');
  });

  test('gives a delivered picture to its own token once more, for as long as that may ask', async () => {
    await store.images.enqueue([picture('one.png'), picture('two.png')]);
    const first = await claimed('t');
    expect(await store.images.acknowledge(first.id, first.claim, 400)).toBe(true);
    expect(await raw.exists(`{meow}:image:${first.id}`)).toBe(0);
    expect(await raw.get('{meow}:image-bytes')).toBe('5');
    const again = await claimed('t');
    expect([again.id, again.name, again.data]).toEqual([first.id, 'two.png', first.data]);
    expect(await store.images.putBack(again.id, again.claim)).toBe(false);
    expect((await claimed('other')).name).toBe('one.png');
    await until('it is forgotten', async () => (await raw.keys('{meow}:delivered:*')).length === 0);
    expect(await store.images.claim('t')).toBeNull();
  });

  test('gives the same picture to the same token, and only the last claim counts', async () => {
    await store.images.enqueue([picture('one.png'), picture('two.png')]);
    const first = await claimed('t');
    const second = await claimed('t');
    expect(second.id).toBe(first.id);
    expect(await store.images.putBack(first.id, first.claim)).toBe(false);
    expect(await store.images.acknowledge(first.id, first.claim)).toBe(false);
    expect(await store.images.acknowledge(second.id, second.claim)).toBe(true);
    expect(await raw.llen('{meow}:images')).toBe(1);
  });

  test('has a picture on top again when it is put back', async () => {
    await store.images.enqueue([picture('one.png'), picture('two.png')]);
    const { id, claim } = await claimed('t');
    expect(await store.images.putBack(id, claim)).toBe(true);
    expect((await store.images.peek())?.id).toBe(id);
  });

  test('has what did not reach its client on top again, wherever its server is with it', async () => {
    await store.images.enqueue([picture('one.png'), picture('two.png'), picture('three.png')]);
    const sent = await claimed('sent');
    await store.images.acknowledge(sent.id, sent.claim, 5_000);
    const sending = await claimed('sending');
    expect(await raw.get('{meow}:image-bytes')).toBe('10');
    const tokens = ['sent', 'never', 'sending', 'sent'];
    expect(await store.images.putBackFor(tokens)).toEqual([true, false, true, false]);
    expect(await raw.get('{meow}:image-bytes')).toBe('15');
    expect(await raw.keys('{meow}:delivered:*')).toEqual([]);
    // Its server comes too late, with whatever it says.
    expect(await store.images.acknowledge(sending.id, sending.claim, 5_000)).toBe(false);
    expect(await store.images.putBack(sending.id, sending.claim)).toBe(false);
    expect([(await claimed('a')).id, (await claimed('b')).id]).toEqual([sending.id, sent.id]);
    expect(await raw.ttl(`{meow}:image:${sent.id}`)).toBe(-1);
    expect((await claimed('c')).name).toBe('one.png');
  });

  test('takes a picture back whose claimer died, and not one that is renewed', async () => {
    await store.images.enqueue([picture('one.png'), picture('two.png')]);
    const dead = await claimed('t');
    const slow = await claimed('u');
    await raw.zadd('{meow}:delivering', 1, dead.id, 1, slow.id);
    expect(await store.images.renew(slow.id, slow.claim)).toBe(true);
    expect(await store.images.requeueExpired()).toBe(1);
    expect((await store.images.peek())?.id).toBe(dead.id);
    expect(await store.images.renew(dead.id, dead.claim)).toBe(false);
  });

  test('takes all pictures of an upload or none, and says it is full at 100', async () => {
    const many = Array.from({ length: 99 }, (_, n) => picture(`${n}.png`));
    expect((await store.images.enqueue(many)).queued).toBe(99);
    await expect(store.images.enqueue([picture('a.png'), picture('b.png')])).rejects.toMatchObject({
      kind: 'full',
    });
    expect(await raw.llen('{meow}:images')).toBe(99);
    expect((await raw.keys('{meow}:image:*')).length).toBe(99);
  });

  test('is full at 256 MiB held', async () => {
    await raw.set('{meow}:image-bytes', 256 * 1_024 * 1_024 - 3);
    await expect(store.images.enqueue([picture('a.png')])).rejects.toMatchObject({ kind: 'full' });
  });

  test('steps over entries that are not pictures of ours, and deletes none of them', async () => {
    await store.images.enqueue([picture('one.png')]);
    await raw.hset('{meow}:image:bad', { data: 'x', type: 'text/html' });
    await raw.set('{meow}:image:str', 'x');
    await raw.lpush('{meow}:images', 'nohash', 'bad', 'str', '\u001b[2J');
    expect(await store.images.peek()).toMatchObject({ name: 'one.png' });
    expect(await claimed('t')).toMatchObject({ name: 'one.png' });
    expect(await raw.llen('{meow}:images')).toBe(4);
  });

  test('says it is full when Redis is out of memory, and can still be emptied', async () => {
    await store.images.enqueue([picture('one.png')]);
    await raw.config('SET', 'maxmemory', '1');
    await expect(store.images.enqueue([picture('two.png')])).rejects.toMatchObject({
      kind: 'full',
    });
    const { id, claim } = await claimed('t');
    expect(await store.images.acknowledge(id, claim)).toBe(true);
    await raw.config('SET', 'maxmemory', '0');
  });
});
