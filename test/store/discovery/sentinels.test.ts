import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { parseRedisUrl } from '../../../src/store/connection/redis-url.ts';
import { discover } from '../../../src/store/discovery/discover.ts';
import { freePort, startRedis, type TestRedis } from '../../helpers/redis.ts';
import { PASSWORD } from '../../helpers/replicated-redis.ts';
import {
  MASTER,
  SENTINEL_PASSWORD,
  type SentinelSet,
  startSentinels,
} from '../../helpers/sentinels.ts';
import { connectionsTo } from '../../helpers/sockets.ts';
import { until } from '../../helpers/until.ts';
import { failure, openStores, type Stores, survives } from './survivor.ts';

let set: SentinelSet;
let stores: Stores;
const sentinel = { password: SENTINEL_PASSWORD };

beforeAll(async () => {
  set = await startSentinels();
  stores = openStores(set.url, { sentinel });
});
afterAll(async () => {
  await stores.close();
  await set.stop();
});

const at = ({ port }: { readonly port: number }) => `127.0.0.1:${port}`;
const behind = (hosts: readonly string[], name = MASTER) =>
  `redis+sentinel://:${PASSWORD}@${hosts}/${name}`;
const all = () => set.sentinels.map(at);

describe('sentinels', () => {
  test.each<[string, () => object, RegExp, RegExp]>([
    [
      'that want a password',
      () => ({ sentinel: {} }),
      /^no Sentinel tells where cats is: Sentinel at \S+ wants a password; Sentinel at /,
      /MEOW_SENTINEL_PASSWORD/,
    ],
    [
      'that want another one, which is that of Redis',
      () => ({ sentinel: { password: PASSWORD } }),
      /Sentinel at \S+ refused the password/,
      /they do not take those of Redis/,
    ],
    [
      'that know no such master',
      () => ({ url: behind(all(), 'dogs') }),
      /Sentinel at \S+ knows no master dogs/,
      /redis\+sentinel:.*<name of the master>/,
    ],
    [
      'behind whom Redis wants another password',
      () => ({ url: set.url.replace(PASSWORD, 'wrong') }),
      /^Redis at 127\.0\.0\.1:\d+ \(cats\) refused the password$/,
      /REDIS_URL/,
    ],
  ])('%s are told as refused, with what to do', async (_, over, says, remedy) => {
    const error = await failure(stores.open(over()));
    expect([error.kind, error.exitCode]).toEqual(['refused', 4]);
    expect(error.message).toMatch(says);
    expect(error.remedy).toMatch(remedy);
    expect(`${error.message} ${error.remedy}`).not.toMatch(/sesame|watch-this/);
  });

  test('let in a user of theirs who has no more rights than are documented, and no less', async () => {
    const user = { username: 'cat', password: 'secret-word' };
    const rule = ['+sentinel|master', '+subscribe', '&+switch-master'];
    const setUser = (...rights: string[]) =>
      Promise.all(
        set.sentinels.map((each) =>
          set.ask(each, 'ACL', 'SETUSER', 'cat', 'reset', 'on', '>secret-word', ...rights),
        ),
      );
    await setUser();
    const error = await failure(stores.open({ sentinel: user }));
    expect([error.kind, error.message]).toEqual([
      'refused',
      expect.stringMatching(/Sentinel at \S+ does not let this user ask$/),
    ]);
    expect(rule.filter((right) => !error.remedy.includes(right))).toEqual([]);
    await setUser(...rule);
    const { store, said } = await stores.open({ sentinel: user });
    const heard = async (each: TestRedis) =>
      JSON.stringify(await set.ask(each, 'CLIENT', 'LIST')).includes('user=cat');
    await until('each is listened to', async () =>
      (await Promise.all(set.sentinels.map(heard))).every(Boolean),
    );
    expect([await store.messages.get('none'), said]).toEqual([null, []]);
  });

  test('that are all gone are told as an outage, each by its name', async () => {
    const error = await failure(stores.open({ url: behind(['127.0.0.1:1', '127.0.0.1:2']) }));
    expect([error.kind, error.exitCode]).toEqual(['unavailable', 4]);
    expect(error.message).toMatch(/:1 refused the connection; .*:2 refused the connection$/);
  });

  test('and Redis are not taken for each other', async () => {
    const primary = await set.primary();
    const asRedis = `redis://:${SENTINEL_PASSWORD}@${all()[0]}`;
    const error = await failure(stores.open({ url: asRedis }));
    expect(error.message).toMatch(/is a Sentinel, which knows of a Redis and is none$/);
    expect(error.remedy).toBe(`Set REDIS_URL to redis+sentinel://${all()[0]}/<name of the master>`);
    const asSentinel = { url: behind([at(primary)]), sentinel: { password: PASSWORD } };
    const other = await failure(stores.open(asSentinel));
    expect(other.message).toMatch(/Sentinel at \S+ is no Sentinel$/);
  });

  test('of which one hangs leave no socket to it once another has answered', async () => {
    const hung = await startRedis(['--sentinel'], ['protected-mode no']);
    onTestFinished(() => hung.stop());
    await hung.kill('SIGSTOP');
    const url = behind([at(hung), ...all()]);
    await stores.open({ url, persistent: false });
    expect(connectionsTo(hung.port)).toBe(0);
    const { store } = await stores.open({ url });
    await until('it is to be listened to', () => connectionsTo(hung.port) === 1);
    await store.close();
    expect(connectionsTo(hung.port)).toBe(0);
  });

  test('tell of a failover that was over before they were listened to', async () => {
    const needs = { connectMs: 2_000, sentinel, key: '{meow}:registry' };
    const way = discover(parseRedisUrl(set.url), needs);
    const first = await way.dial();
    first.disconnect();
    const now = await set.failover();
    const told = new Set<string>();
    const stop = way.watch((to) => told.add(to), String);
    onTestFinished(stop);
    await until('the new primary is told', () => told.has(at(now)));
    expect([...told]).toEqual([at(now)]);
    await set.whole();
  });

  test('of which one names an address where nobody is lead nobody astray', async () => {
    const lost = await startRedis(
      ['--sentinel'],
      [
        `requirepass ${SENTINEL_PASSWORD}`,
        `sentinel monitor ${MASTER} 127.0.0.1 ${await freePort()} 2`,
      ],
    );
    onTestFinished(() => lost.stop());
    const alone = await failure(stores.open({ url: behind([at(lost)]) }));
    expect([alone.kind, alone.message]).toEqual([
      'unavailable',
      expect.stringMatching(/^Redis at 127\.0\.0\.1:\d+ \(cats\) refused the connection$/),
    ]);
    const { store } = await stores.open({ url: behind([at(lost), ...all()]) });
    await store.messages.set('astray', 'no', 60);
    expect(await set.ask(await set.primary(), 'GET', '{meow}:message:astray')).toBe('no');
  });

  test('lead over SENTINEL FAILOVER and kill -9, with subscriptions and events', async () => {
    await survives(set, await stores.open());
  });

  test('that go and come back are told once each, and Redis is used meanwhile', async () => {
    const { store, said } = await stores.open();
    const told = (what: RegExp) => said.filter((line) => what.test(line)).length;
    for (const each of set.sentinels) await each.kill('SIGKILL');
    await until(
      'each is missed',
      () => told(/^Sentinel .* (closed|refused) the connection$/) === 3,
    );
    await store.messages.set('alone', 'still', 60);
    for (const each of set.sentinels) await each.restart();
    await until('each is back', () => told(/^Sentinel .* is back$/) === 3);
    expect(said).toHaveLength(6);
    await set.whole();
  });

  test('that name a primary which is a replica still are asked again', async () => {
    const replica = await set.replica();
    const early = await startRedis(
      ['--sentinel'],
      [
        `requirepass ${SENTINEL_PASSWORD}`,
        `sentinel monitor ${MASTER} 127.0.0.1 ${replica.port} 3`, // nobody else will agree to anything
      ],
    );
    onTestFinished(() => early.stop());
    const error = await failure(stores.open({ url: behind([at(early)]) }));
    expect([error.kind, error.message]).toEqual([
      'unavailable',
      expect.stringMatching(/is named by its sentinels and is a replica still$/),
    ]);
  });

  test('of which one is gone and one hangs still lead to the primary', async () => {
    // The last of them: a sentinel that was stopped waits 30 s until it fails anything over (TILT).
    const [hung] = set.sentinels as [(typeof set.sentinels)[number]];
    await hung.kill('SIGSTOP');
    try {
      const url = behind(['127.0.0.1:1', ...all()]);
      const { store } = await stores.open({ url, persistent: false });
      await store.messages.set('led', 'here', 60);
      expect(await set.ask(await set.primary(), 'GET', '{meow}:message:led')).toBe('here');
      const { guides } = await store.examine();
      expect(guides).toMatchObject({
        kind: 'sentinels',
        answered: 2,
        primaries: [expect.any(String)],
      });
      expect(guides?.troubles.map(({ message }) => message).sort()).toEqual([
        expect.stringMatching(/:1 refused the connection$/),
        expect.stringMatching(/ does not answer$/),
      ]);
    } finally {
      await hung.kill('SIGCONT');
    }
  });
});
