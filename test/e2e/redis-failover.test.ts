import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startRedis, type TestRedis } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';
import { openVictims, PASSWORD, urlOf, type Victim, type Victims } from '../helpers/victims.ts';

let victims: Victims;
let other: TestRedis;
let raw: Redis;

beforeAll(async () => {
  const secrets = ['--requirepass', PASSWORD, '--masterauth', PASSWORD];
  [victims, other] = await Promise.all([openVictims(secrets), startRedis(secrets)]);
  raw = new Redis(urlOf(other.port));
});
afterAll(async () => {
  raw.disconnect();
  await victims.close();
  await other.stop();
});

const each = <T>(act: (victim: Victim) => Promise<T>) => Promise.all(victims.all.map(act));
const refusals = (said: string) => said.match(/: Redis at \S+ is a read-only replica/g)?.length;

describe('a Redis that was demoted behind the same address', () => {
  test('is left for the primary, which each says once when it begins and once when it is over', async () => {
    const { site, all } = victims;
    await raw.replicaof('127.0.0.1', site.redis.port);
    await until('it has copied', async () => (await raw.info('replication')).includes('status:up'));
    const lasting = (name: string) => (name === 'up' ? 2 : 1); // its door and its keeper
    await victims.raw.replicaof('127.0.0.1', other.port);
    await until('all say that it begins', () =>
      all.every(({ name, said }) => (refusals(said()) ?? 0) >= lasting(name)),
    );
    for (const { relay } of all) relay.pointTo(other.port);
    await raw.replicaof('NO', 'ONE');
    await each((victim) => victim.writes(raw));
    const overs = (said: string) => said.split('works again').length - 1;
    await until('all say that it is over', () =>
      all.every(({ name, said }) => overs(said()) >= lasting(name)),
    );
    for (const { name, said, alive } of all) {
      expect([name, refusals(said()), alive()]).toEqual([name, lasting(name), true]);
      expect([name, overs(said())]).toEqual([name, lasting(name)]);
    }
  });

  test('is read on where no primary is to be had, and its connections are not cut', async () => {
    const before = victims.all.map(({ relay }) => relay.heard().length);
    const [door] = victims.all.filter(({ name }) => name === 'door');
    await victims.raw.replicaof('NO', 'ONE');
    await raw.replicaof('127.0.0.1', victims.site.redis.port);
    const clients = async () => (await raw.client('LIST')) as string;
    const ids = new Set((await clients()).match(/id=\d+/g));
    await until('the door looked for another twice', () => {
      const since = door?.relay.heard().slice(before[victims.all.indexOf(door)]) ?? [];
      return since.filter((name) => name === 'HELLO').length >= 2;
    });
    const now = new Set((await clients()).match(/id=\d+/g));
    expect([...ids].filter((id) => !now.has(id))).toEqual([]);
    await raw.replicaof('NO', 'ONE');
    await each((victim) => victim.writes(raw));
  });
});
