import { AssertionError } from 'node:assert';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FailedError, StoreError } from '../../../src/errors.ts';
import { openClient } from '../../../src/store/connection/client.ts';
import { CurrentConnection } from '../../../src/store/connection/connection.ts';
import { parseNodeUrl } from '../../../src/store/connection/redis-url.ts';
import { startRedis, type TestRedis } from '../../helpers/redis.ts';
import { openStore } from '../../helpers/store.ts';
import { until } from '../../helpers/until.ts';

let redis: TestRedis;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

async function openLink() {
  const address = parseNodeUrl(redis.url, 'REDIS_URL');
  const seen: string[] = [];
  const limits = { commandMs: 1_000, silentMs: 2_000 };
  const link = new CurrentConnection({ label: address.label, follows: false }, limits, {
    lost: () => seen.push('lost'),
    silent: () => seen.push('silent'),
    failed: ({ kind }) => seen.push(kind),
    well: () => seen.push('well'),
  });
  link.use((await openClient(address, 2_000)).redis);
  return { link, seen };
}

const coded = (code: string) => Object.assign(new Error(`it failed: ${code}`), { code });

describe('a command to Redis', () => {
  test.each<[string, unknown]>([
    ['a TypeError', new TypeError('cannot read properties of undefined')],
    ['a RangeError', new RangeError('Invalid array length')],
    ['an Error with words alone', new Error('no such place: Redis closed')],
    ['an assertion', new AssertionError({ message: 'it timed out' })],
    ['a wrong argument', Object.assign(new TypeError('x'), { code: 'ERR_INVALID_ARG_TYPE' })],
    ['an error of ours with a remedy', new FailedError('x', 'no room', 'Make room')],
    ['what is no error', 'ECONNREFUSED'],
  ])('is no outage where it goes wrong by %s: the mistake is thrown on', async (_, mistake) => {
    const { link, seen } = await openLink();
    await expect(link.run(() => Promise.reject(mistake))).rejects.toBe(mistake);
    const thrown = () => {
      throw mistake;
    };
    await expect(link.run(thrown)).rejects.toBe(mistake);
    expect(seen).toEqual([]);
    expect(await link.run((client) => client.ping())).toBe('PONG');
    link.detach()?.disconnect();
  });

  test.each<[string, Error, string]>([
    ['a reset', coded('ECONNRESET'), 'closed the connection'],
    ['a certificate', coded('CERT_HAS_EXPIRED'), 'has a certificate that has expired'],
    ['a failed handshake', coded('ERR_SSL_WRONG_VERSION_NUMBER'), 'could not agree on TLS'],
    ['a closed connection', new Error('Connection is closed.'), 'closed the connection'],
    ['too few open files', coded('EMFILE'), 'cannot be asked: too many open files'],
  ])('is told as an outage where it meets %s on its way', async (_, cause, says) => {
    const { link, seen } = await openLink();
    const error = await link.run(() => Promise.reject(cause)).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(StoreError);
    expect(error).toMatchObject({ kind: 'unavailable', message: expect.stringContaining(says) });
    expect(seen).toEqual(['unavailable']);
    link.detach()?.disconnect();
  });

  test('is told as refused where Redis refuses it, and the connection stays', async () => {
    const { link, seen } = await openLink();
    await expect(link.run((client) => client.call('NOSUCH'))).rejects.toBeInstanceOf(StoreError);
    expect(await link.run((client) => client.ping())).toBe('PONG');
    expect(seen).toEqual(['refused', 'well']);
    link.detach()?.disconnect();
  });
});

test('a process that lasts and has lost its Redis ends when its store is closed', async () => {
  const other = await startRedis();
  const store = await openStore(other.url);
  store.registry.watch(() => {});
  await other.stop();
  await until('it is gone', () => !store.connected());
  await store.close();
  await expect(store.messages.get('message')).rejects.toThrow(StoreError);
});
