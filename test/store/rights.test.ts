import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { luaText } from '../../scripts/lua.mjs';
import { StoreError } from '../../src/errors.ts';
import { eventText } from '../../src/model/event.ts';
import { commandsOf } from '../../src/store/scripts/guard.ts';
import type { Store } from '../../src/store/store.ts';
import { startRedis, type TestRedis } from '../helpers/redis.ts';
import { addUser, documentedRule } from '../helpers/rights.ts';
import { scriptFiles } from '../helpers/scripts.ts';
import { openStore, sampleDesired, sampleRecord } from '../helpers/store.ts';

const STORE = join(import.meta.dirname, '..', '..', 'src', 'store');
/** What ioredis has besides commands, and what Redis lets everybody do. */
const NO_RIGHT =
  /^(on|off|once|emit|connect|disconnect|sendcommand|removealllisteners|eval_ro|hello|auth|quit|reset)$/;
/** What only whoever asks for more needs, told in another place of the same page: `call` is to Sentinels. */
const FOR_MORE = ['call', 'cluster', 'wait'];
const MORE = ['+wait', '+cluster|slots', '+cluster|keyslot', '+sentinel|master', '&+switch-master'];
/** What is done without where it is refused: visits are read all the same. */
const OPTIONAL = ['LTRIM', 'INFO', 'PING', 'SELECT', 'SUBSCRIBE', 'PUBLISH', 'XADD'];

const rule = documentedRule();
const documented = rule.filter((word) => word.startsWith('+')).map((word) => word.slice(1));

/** The text of every script, as Redis gets it. */
const scripts = scriptFiles().map(luaText);

function plainCommands(): string[] {
  const all = readdirSync(STORE, { recursive: true, encoding: 'utf8' });
  const files = all.filter((file) => file.endsWith('.ts') && file !== 'scripts/guard.ts');
  const text = files.map((file) => readFileSync(join(STORE, file), 'utf8')).join('\n');
  const called = text.matchAll(/\bredis\s*\.(\w+?)(?:Buffer)?\(|new LastUnjoined\('(\w+)'/g);
  const names = [...called].map(([, method, command]) => (method ?? command ?? '').toLowerCase());
  return [...new Set(names)].filter((name) => !NO_RIGHT.test(name));
}

describe('the rule in docs/operations.md', () => {
  test('covers every command that the store and its scripts use, and no other', () => {
    const used = new Set([...plainCommands(), 'publish', 'xadd', 'ping', 'select', 'info']);
    for (const name of scripts.flatMap(commandsOf)) used.add(name.toLowerCase());
    for (const name of FOR_MORE) expect(used.delete(name)).toBe(true);
    expect([...documented].sort()).toEqual([...used].sort());
  });

  test('tells beside it what a replica, a cluster and Sentinels are asked with', () => {
    const page = readFileSync(join(STORE, '../../docs/operations.md'), 'utf8');
    expect(MORE.filter((right) => !page.includes(right))).toEqual([]);
  });

  test('no script stops where its hint is refused', () => {
    expect(scripts.length).toBeGreaterThan(30);
    for (const text of scripts) expect(text).not.toContain("redis.call('PUBLISH'");
  });
});

const id = 'abc234';
const record = sampleRecord({ id });
const desiredText = JSON.stringify(sampleDesired());
const proof = { hostId: 'a'.repeat(16), registry: 'r', namespace: 'meow', seal: 's' };
const signed = { ...sampleDesired(), id: 'zzz222', ...proof };
const picture = { data: Buffer.from('picture'), type: 'image/png', name: 'a.png' } as const;

/** Everything the store can do. Those that take more than one step are marked. */
const deeds: readonly (readonly [name: string, deed: (store: Store) => Promise<unknown>])[] = [
  ['register, in steps', ({ registry }) => registry.register(record, sampleDesired())],
  ['beat', ({ registry }) => registry.beat(record, sampleDesired())],
  ['deregister', ({ registry }) => registry.deregister(id)],
  ['forget', ({ registry }) => registry.forget(id, signed)],
  ['orderRetire', ({ registry }) => registry.orderRetire([id], 1)],
  ['orderRetireIfWanted', ({ registry }) => registry.orderRetireIfDesired(id, 1)],
  ['orderRetireUnlessLast', ({ registry }) => registry.orderRetireUnlessLast(id, 1)],
  ['records', ({ registry }) => registry.records(10)],
  ['fleet', ({ registry }) => registry.fleet()],
  ['around', ({ registry }) => registry.around()],
  ['silence', ({ registry }) => registry.silence()],
  ['sweep', ({ registry }) => registry.sweep(-60_000)],
  ['beatDoor', ({ registry }) => registry.beatDoor(door)],
  ['leaveDoor', ({ registry }) => registry.leaveDoor('d')],
  ['acknowledge', ({ registry }) => registry.acknowledge(id, 'd')],
  ['id', ({ registry }) => registry.id()],
  ['stickyKey', ({ registry }) => registry.stickyKey('k'.repeat(43))],
  [
    'succeed',
    ({ desiredServers }) =>
      desiredServers.succeed(
        { id, text: desiredText },
        sampleRecord({ id: 'new222' }),
        sampleDesired(),
      ),
  ],
  ['text', ({ desiredServers }) => desiredServers.text(id)],
  [
    'swap',
    ({ desiredServers }) =>
      desiredServers.swap(id, desiredText, sampleDesired({ state: 'stopped' })),
  ],
  ['keepFromOld', ({ desiredServers }) => desiredServers.keepFromOld('here', 'me')],
  ['keep', ({ desiredServers }) => desiredServers.keep('here', 'me')],
  ['lockHolder', ({ desiredServers }) => desiredServers.lockHolder('kept')],
  ['release', ({ desiredServers }) => desiredServers.release('kept', 'me')],
  ['set', ({ messages }) => messages.set('message', 'hi', 10)],
  ['get', ({ messages }) => messages.get('message')],
  ['recordAndRead', ({ visits }) => visits.recordAndRead('/')],
  ['recent', ({ visits }) => visits.recent()],
  ['enqueue, in steps', ({ images }) => images.enqueue([picture])],
  ['claim, in steps', ({ images }) => images.claim('token')],
  ['take, in steps', (store) => take(store)],
  ['renew', ({ images }) => images.renew(...claimed)],
  ['putBack', ({ images }) => images.putBack(...claimed)],
  ['putBackFor', ({ images }) => images.putBackFor(['mine', 'before'])],
  ['acknowledge a picture', ({ images }) => images.acknowledge(...claimed, 5_000)],
  ['peek', ({ images }) => images.peek()],
  ['size', ({ images }) => images.size()],
  ['list', ({ images }) => images.list(10)],
  ['read a picture', ({ images }) => images.read('abcdefghijkl')],
  ['read events', ({ events }) => events.read({ limit: 10 })],
  ['follow events', ({ events }) => followed(events)],
  ['requeueExpired', ({ images }) => images.requeueExpired()],
];
const door = { id: 'd', url: 'http://127.0.0.1:3000', host: 'here', pid: 2, roster: {} };
let claimed: [id: string, claim: string] = ['', ''];

async function take({ images }: Store): Promise<void> {
  const got = await images.claim('other');
  if (got) await images.acknowledge(got.id, got.claim);
}

/** Until the first that comes. */
async function followed(events: Store['events']): Promise<void> {
  const enough = new AbortController();
  await events.follow('0-0', () => enough.abort(), enough.signal);
}

describe('a user of Redis', () => {
  let redis: TestRedis;
  let raw: Redis;
  let store: Store;
  let seed: (readonly [key: string, dump: Buffer])[];
  let sown: Record<string, string | undefined>;

  /** Every key with a digest of what it holds, in whatever order it lies there. */
  const everything = async () => {
    const keys = (await raw.keys('*')).sort();
    const digests = (await raw.call('DEBUG', 'DIGEST-VALUE', ...keys)) as string[];
    return Object.fromEntries(keys.map((key, at) => [key, digests[at]]));
  };

  const sow = async () => {
    const restored = raw.multi().flushall();
    for (const [key, dump] of seed) restored.restore(key, 0, dump);
    await restored.exec();
  };

  beforeAll(async () => {
    redis = await startRedis(['--enable-debug-command', 'yes']);
    raw = new Redis(redis.url);
    const admin = await openStore(redis.url);
    await admin.registry.register(record, sampleDesired());
    await admin.registry.register(sampleRecord({ id: 'def234' }), sampleDesired());
    await admin.registry.beatDoor(door);
    await admin.registry.acknowledge(id, 'd');
    await admin.desiredServers.keep('kept', 'me');
    await admin.visits.recordAndRead('/before');
    await admin.messages.set('message', 'hello', 100);
    await admin.images.enqueue([picture, picture, picture]);
    const kept = await admin.images.claim('before');
    if (kept) await admin.images.acknowledge(kept.id, kept.claim, 3_600_000);
    const got = await admin.images.claim('mine');
    claimed = [got?.id ?? '', got?.claim ?? ''];
    await raw.zadd('{meow}:delivering', 1, 'gone');
    await raw.xadd('{meow}:events', '*', 'event', eventText({ kind: 'ready' }));
    await admin.close();
    const dumped = (key: string) => raw.dumpBuffer(key).then((dump) => [key, dump] as const);
    seed = await Promise.all((await raw.keys('*')).map(dumped));
    await sow();
    sown = await everything();
    store = await openStore(await addUser(redis, 'meow', rule));
  });
  afterAll(async () => {
    raw.disconnect();
    await store.close();
    await redis.stop();
  });

  test.each(deeds)('with the documented rule is refused nothing: %s', async (_, deed) => {
    await sow();
    await expect(deed(store)).resolves.not.toThrow();
  });

  const needed = documented.map((name) => name.toUpperCase());
  afterEach(() => raw.acl('SETUSER', 'meow', ...rule));
  test.each(needed)('without %s hears of that right, and nothing is half done', async (name) => {
    await raw.acl('SETUSER', 'meow', `-${name}`);
    let refusals = 0;
    for (const [what, deed] of deeds) {
      await sow();
      const error = await deed(store).then(
        () => null,
        (thrown: unknown) => thrown,
      );
      if (error === null) continue;
      refusals += 1;
      expect(error).toBeInstanceOf(StoreError);
      const { kind, message, remedy } = error as StoreError;
      expect([what, kind]).toEqual([what, 'refused']);
      expect(message).toMatch(new RegExp(`does not let this user run ${name}$`));
      expect(remedy).toContain(`+${name.toLowerCase()} `);
      if (!what.endsWith('steps')) expect([what, await everything()]).toEqual([what, sown]);
    }
    expect([name, refusals > 0]).toEqual([name, !OPTIONAL.includes(name)]);
  });
});
