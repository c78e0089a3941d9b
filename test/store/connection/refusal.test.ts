import { rmSync } from 'node:fs';
import { Redis, ReplyError } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { StoreError } from '../../../src/errors.ts';
import { storeError } from '../../../src/store/connection/trouble.ts';
import type { Store } from '../../../src/store/store.ts';
import { freePort, startRedis, type TestRedis } from '../../helpers/redis.ts';
import { addUser, documentedRule } from '../../helpers/rights.ts';
import { openStore, sampleRecord } from '../../helpers/store.ts';
import { until } from '../../helpers/until.ts';

const rule = documentedRule();

async function redisWith(...args: string[]): Promise<TestRedis> {
  const redis = await startRedis(args);
  onTestFinished(() => redis.stop());
  return redis;
}

async function storeAt(url: string): Promise<Store> {
  const store = await openStore(url);
  onTestFinished(() => store.close());
  return store;
}

function rawAt(url: string): Redis {
  const raw = new Redis(url);
  raw.on('error', () => {});
  onTestFinished(() => raw.disconnect());
  return raw;
}

/** What a beat meets, which reads and writes by a script. */
async function refusedBeat(store: Store): Promise<StoreError> {
  const error = await store.registry.beat(sampleRecord(), null).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(StoreError);
  return error as StoreError;
}

/** One sentence, exit 4, and not a word of our scripts. */
function expectRefusal(error: StoreError, says: RegExp, remedy: RegExp): void {
  expect([error.kind, error.exitCode]).toEqual(['refused', 4]);
  expect(error.message).toMatch(/^Redis at 127\.0\.0\.1:\d+ /);
  expect(error.message).toMatch(says);
  expect(error.remedy).toMatch(remedy);
  expect(`${error.message} ${error.remedy}`).not.toMatch(/script|see its log|\n|secret/i);
}

describe('a Redis that answers but refuses is told by what it lacks', () => {
  test('where a command that a script runs was renamed: that command', async () => {
    const redis = await redisWith('--rename-command', 'TIME', 'OTHER');
    const error = await refusedBeat(await storeAt(redis.url));
    expectRefusal(error, /has no command TIME: it was renamed/, /Allow TIME there/);
  });

  test('where EVAL was renamed: EVAL', async () => {
    const redis = await redisWith('--rename-command', 'EVAL', '');
    const error = await refusedBeat(await storeAt(redis.url));
    expectRefusal(error, /has no command EVAL: it was renamed/, /Allow EVAL there/);
  });

  test('where the user has no right to a command inside a script: that right', async () => {
    const redis = await redisWith();
    const store = await storeAt(await addUser(redis, 'meow', [...rule, '-time']));
    const error = await refusedBeat(store);
    expectRefusal(error, /does not let this user run TIME$/, /ACL SETUSER <name> \+time /);
  });

  test('where the user has no right to the keys: that right, in a script and outside', async () => {
    const redis = await redisWith();
    const store = await storeAt(await addUser(redis, 'meow', [...rule, 'resetkeys', '~cats:*']));
    const keys = [/does not let this user use the keys "\{meow\}:\*"$/, / ~\{meow\}:\* /] as const;
    expectRefusal(await refusedBeat(store), ...keys);
    expectRefusal(await failure(store.messages.set('x', 'y', 1)), ...keys);
  });

  test('where the user has no right to a key that a script makes up: that right', async () => {
    const redis = await redisWith();
    const some = ['resetkeys', '~{meow}:doors', '~{meow}:servers', '~{meow}:leases'];
    const user = await addUser(redis, 'meow', [...rule, ...some, '~{meow}:intents']);
    await (await storeAt(redis.url)).registry.beatDoor({ ...door, id: 'd' });
    const error = await failure((await storeAt(user)).registry.fleet());
    expectRefusal(error, /use the keys "\{meow\}:\*"$/, / ~\{meow\}:\* /);
  });

  test('where the user has no right to the channel: that right', async () => {
    const redis = await redisWith();
    const raw = rawAt(await addUser(redis, 'meow', [...rule, 'resetchannels']));
    const refused = await raw.subscribe('{meow}:changes').catch((error: unknown) => error);
    const error = storeError(`127.0.0.1:${redis.port}`, refused);
    expectRefusal(error, /use the channel "\{meow\}:changes"$/, / &\{meow\}:changes /);
  });

  test('and takes everything all the same where only the right to the channel is missing', async () => {
    const redis = await redisWith();
    const store = await storeAt(await addUser(redis, 'meow', [...rule, 'resetchannels']));
    await store.registry.register(sampleRecord(), null);
    await store.registry.orderRetire(['abc234'], 10);
    expect((await store.registry.beat(sampleRecord(), null)).order?.drainMs).toBe(10);
    await store.registry.deregister('abc234');
    expect((await store.registry.fleet()).total).toBe(0);
  });

  test('where it must have replicas and has too few: replicas', async () => {
    const redis = await redisWith('--min-replicas-to-write', '1');
    const error = await refusedBeat(await storeAt(redis.url));
    expectRefusal(error, /takes no writes: too few of its replicas/, /min-replicas-to-write/);
  });

  test('where it cannot save to its disk: room there', async () => {
    const redis = await redisWith();
    const raw = rawAt(redis.url);
    await raw.config('SET', 'save', '3600 1000000');
    const [, folder = ''] = (await raw.config('GET', 'dir')) as string[];
    rmSync(folder, { recursive: true });
    await raw.bgsave();
    await until('it knows', async () => (await raw.info()).includes('last_bgsave_status:err'));
    const error = await refusedBeat(await storeAt(redis.url));
    expectRefusal(error, /takes no writes: it cannot save its data to disk/, /Make room/);
  });

  test('where it is a replica: its primary', async () => {
    const redis = await redisWith('--replicaof', '127.0.0.1 1');
    const store = await storeAt(redis.url);
    expectRefusal(await refusedBeat(store), /is a read-only replica/, /its primary/);
    await rawAt(redis.url).config('SET', 'replica-serve-stale-data', 'no');
    expectRefusal(await refusedBeat(store), /replica/, /its primary/);
    const unread = await failure(store.messages.get('message'));
    expectRefusal(unread, /a replica that has lost its primary/, /its primary/);
  });

  test('where it is a node of a cluster: our keys, which nobody has, then another', async () => {
    const bus = async () => ['--cluster-enabled', 'yes', '--cluster-port', `${await freePort()}`];
    const [ours, others] = [await bus(), await bus()];
    const [redis, other] = [await redisWith(...ours), await redisWith(...others)];
    const store = await storeAt(redis.url);
    expectRefusal(await refusedBeat(store), /nobody serves our keys/, /no cluster/);
    const raw = rawAt(redis.url);
    await rawAt(other.url).call('CLUSTER', 'ADDSLOTSRANGE', 0, 16_383);
    await raw.call('CLUSTER', 'MEET', '127.0.0.1', other.port, Number(others[3]));
    await until('they know each other', async () =>
      (await refusedBeat(store)).message.includes('on another'),
    );
    const where = new RegExp(`our keys are on another: "127.0.0.1:${other.port}"$`);
    expectRefusal(
      await refusedBeat(store),
      where,
      /Set REDIS_URL to redis\+cluster:\/\/127\.0\.0\.1:\d+, which finds them/,
    );
  });

  test('where something else stands under a key: that key, in a script and outside', async () => {
    const redis = await redisWith();
    const [store, raw] = [await storeAt(redis.url), rawAt(redis.url)];
    for (const key of ['servers', 'leases', 'intents', 'recent', 'message:x']) {
      await raw.rpush(`{meow}:${key}`, 'x');
      await raw.set('{meow}:recent', 'x');
      const deeds: Record<string, () => Promise<unknown>> = {
        intents: () => store.registry.fleet(),
        recent: () => store.visits.recent(),
        'message:x': () => store.messages.get('x'),
      };
      const error = await failure(deeds[key]?.() ?? store.registry.beat(sampleRecord(), null));
      expect([error.kind, error.exitCode]).toEqual(['damaged', 1]);
      expect(error.message).toMatch(
        new RegExp(`holds another type of value under the key "{meow}:${key}"$`),
      );
      await raw.flushall();
    }
  });
});

test.each([
  ['EACCES', 'connect EACCES /run/r.sock', 'may not be used by this user of the system', '770'],
  ['CERT_NOT_YET_VALID', 'certificate is not yet valid', 'that is not valid yet', 'clocks'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'unable to verify', 'not known here', 'NODE_EXTRA_CA_CERTS'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'SSL routines: wrong', 'could not agree on TLS', 'redis://'],
  ['EWHATEVER', 'quite new', 'cannot be used: EWHATEVER quite new', 'REDIS_URL'],
])(
  'a way to Redis that fails with %s is told in our words, with what to do',
  (code, text, says, remedy) => {
    const error = storeError('h:1', Object.assign(new Error(text), { code }));
    expect([error.kind, error.exitCode]).toEqual(['unavailable', 4]);
    expect(error.message).toContain(says);
    expect(error.remedy).toContain(remedy);
  },
);

// Redis 7.2 and Valkey word it in their own way.
test.each([
  ["NOPERM User meow has no permissions to run the 'config|get' command", 'run CONFIG|GET'],
  [
    "NOPERM ACL failure in script: User meow has no permissions to run the 'time' command script: 0123456789012345678901234567890123456789, on @user_script:2.",
    'run TIME',
  ],
  ['NOPERM No permissions to access a key', 'use the keys "{cats}:*"'],
  ['NOPERM ACL failure in script: No permissions to access a key', 'use the keys "{cats}:*"'],
  ['NOPERM No permissions to access a channel', 'use the channel "{cats}:changes"'],
  [
    "ERR The user executing the script can't run this command or subcommand",
    'run all of our commands',
  ],
  ["ERR unknown command 'eval', with args beginning with: 'local", 'has no command EVAL'],
  ['DENIED Redis is running in protected mode because', 'is in protected mode'],
  ['ERR quite new\u001b[2J', 'refused EVAL: ERR quite new\\u001b[2J'],
])('what Redis refuses with %j is told in our words', (text, says) => {
  const command = { name: 'eval', args: ['#!lua', 1, '{cats}:servers', 'hush'] };
  const error = storeError('h:1', Object.assign(new ReplyError(text), { command }));
  expect([error.kind, error.exitCode]).toEqual(['refused', 4]);
  expect(error.message).toContain(says);
  expect(error.message).not.toMatch(/hush|lua|@user_script/);
});

const door = { url: 'http://127.0.0.1:3000', host: 'here', pid: 2, roster: {} };

async function failure(deed: Promise<unknown>): Promise<StoreError> {
  const error = await deed.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(StoreError);
  return error as StoreError;
}
