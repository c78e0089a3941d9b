import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { NewPicture } from '../../../src/model/picture.ts';
import { startRedis, type TestRedis } from '../../helpers/redis.ts';
import { addUser, documentedRule } from '../../helpers/rights.ts';
import { openStore } from '../../helpers/store.ts';

let redis: TestRedis;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

const picture: NewPicture = { data: Buffer.from('x'), type: 'image/png', name: 'x.png' };

describe('a durable upload is queued, and says why no replica is known to have it', () => {
  test('where there is none', async () => {
    const store = await openStore(redis.url);
    const { queued, missed } = await store.images.enqueueDurably([picture]);
    expect([queued, await missed]).toEqual([1, 'no replica had them within 200 ms']);
    await store.close();
  });

  test('where this user may not ask', async () => {
    const store = await openStore(await addUser(redis, 'meow', documentedRule()));
    const { queued, missed } = await store.images.enqueueDurably([picture]);
    expect(queued).toBe(2);
    expect(await missed).toMatch(/^whether a replica has them is unknown: .* run WAIT\. .*\+wait /);
    await store.close();
  });

  test('where Redis stands still before it says so', async () => {
    const store = await openStore(redis.url);
    const { missed } = await store.images.enqueueDurably([picture]);
    process.kill(redis.pid, 'SIGSTOP');
    const why = await missed;
    process.kill(redis.pid, 'SIGCONT');
    expect(why).toMatch(/^whether a replica has them is unknown: Redis at \S+ does not answer/);
    expect(why).not.toContain('\n');
    await store.close();
  });

  test('and one that is refused leaves nothing, and is an error', async () => {
    const store = await openStore(redis.url);
    const many = Array.from({ length: 101 }, () => picture);
    await expect(store.images.enqueueDurably(many)).rejects.toMatchObject({ kind: 'full' });
    expect((await store.images.size()).pictures).toBe(3);
    await store.close();
  });
});
