import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Link } from '../../../src/store/connection/connection.ts';
import {
  definePlainScript,
  defineRehearsal,
  defineScript,
} from '../../../src/store/scripts/define.ts';
import { startRedis, type TestRedis } from '../../helpers/redis.ts';

const text = `#!lua
local first, second = unpack(KEYS, 1, 2)
local one, two = unpack(ARGV, 1, 2)
redis.call('HSET', second, one, two)
return { first, second, KEYS[3] or '-', one, two, ARGV[3] or '-', #KEYS, #ARGV }
`;
const names = { keys: ['first', 'second'], args: ['one', 'two'] } as const;

describe('a script that was given names', () => {
  let redis: TestRedis;
  let client: Redis;
  let link: Link;
  beforeAll(async () => {
    redis = await startRedis();
    client = new Redis(redis.url);
    link = { label: '', run: (send) => send(client), onConnection: () => () => {} };
  });
  afterAll(async () => {
    client.disconnect();
    await redis.stop();
  });

  test('gets its keys and arguments in its own order, however they are told', async () => {
    const script = defineScript(text, names);
    const reply = await script(link, { second: 'b', first: 'a' }, { two: 2, one: '' });
    expect(reply).toEqual(['a', 'b', '-', '', '2', '-', 2, 2]);
  });

  test('gets as many keys and arguments more as there are, or none', async () => {
    const script = defineScript(text, { ...names, moreKeys: 'rest', moreArgs: 'others' });
    const keys = { first: 'a', second: 'b' };
    const args = { one: 1, two: 2 };
    const reply = script(link, { ...keys, rest: ['c', 'd'] }, { ...args, others: [3, 4, 5] });
    expect(await reply).toEqual(['a', 'b', 'c', '1', '2', '3', 4, 5]);
    const none = script(link, { ...keys, rest: [] }, { ...args, others: [] });
    expect(await none).toEqual(['a', 'b', '-', '1', '2', '-', 2, 2]);
  });

  test('may be given more than it asks for, which it is not told', async () => {
    const keys = { unknown: 'x', first: 'a', second: 'b' };
    const reply = await defineScript(text, names)(link, keys, { one: 1, two: 2 });
    expect(reply).toEqual(['a', 'b', '-', '1', '2', '-', 2, 2]);
  });

  test.each([
    ['keys', { ...names, keys: ['second', 'first'] }],
    ['keys', { ...names, keys: ['first'] }],
    ['arguments', { ...names, args: ['two', 'one'] }],
  ])('is not sent where we call its %s otherwise: %j', async (_, wrong) => {
    const script = defineScript(text, wrong);
    const sent = () => script(link, { first: 'a', second: 'b' }, { one: 1, two: 2 });
    expect(sent).toThrow(TypeError);
  });

  test('is not sent where one of them is missing', () => {
    const script = defineScript<string, string>(text, names);
    const sent = () => script(link, { first: 'a', second: 'b' }, { one: 1 });
    expect(sent).toThrow(new TypeError("a script's two is missing"));
  });

  test('asks first whether its keys are of the type it needs', async () => {
    await client.set('text', 'x');
    const script = defineScript(text, names);
    const reply = script(link, { first: 'text', second: 'text' }, { one: 1, two: 2 });
    await expect(reply).rejects.toThrow('WRONGTYPE the key text holds a string');
    expect(await script(link, { first: 'text', second: 'b' }, { one: 1, two: 2 })).toHaveLength(8);
  });

  test('is rehearsed without doing anything', async () => {
    const zset = "#!lua\nlocal a, b = unpack(KEYS)\nreturn redis.call('ZADD', b, 1, ARGV[1])\n";
    const rehearsal = defineRehearsal(zset, { keys: ['a', 'b'], args: ['member'] });
    expect(await rehearsal(link, { a: 'new', b: 'new' })).toBe(1);
    expect(await client.exists('new')).toBe(0);
    await client.set('no zset', '');
    const refused = rehearsal(link, { a: 'new', b: 'no zset' });
    await expect(refused).rejects.toThrow('WRONGTYPE');
  });

  test('of one command goes to any connection as it is', async () => {
    const plain = definePlainScript(
      "#!lua\nlocal a = unpack(KEYS)\nreturn redis.call('GET', a)\n",
      {
        keys: ['a'],
      },
    );
    await client.set('word', 'said');
    expect(await plain(client, { a: 'word' })).toBe('said');
  });
});
