import { expect } from 'vitest';
import type { Result } from '../helpers/cli.ts';
import { type FaultKind, openRelay, type RedisRelay } from '../helpers/redis-relay.ts';
import { until } from '../helpers/until.ts';
import { clear, prepare, type Verb } from './verbs.ts';
import type { World } from './world.ts';

export const KINDS: readonly FaultKind[] = [
  'reset',
  'end',
  'hold',
  'delay',
  '-NOPERM no permissions',
  "-READONLY You can't write against a read only replica.",
  '-LOADING Redis is loading the dataset in memory',
  "-ERR unknown command 'x', with args beginning with: ",
];
/** Of what a verb says to Redis: one that waits says the same again and again. */
const MOST_POINTS = 6;

/**
 * Runs a verb once for each kind of harm at each thing it says to Redis.
 * @returns the exit codes at each point, in the order of the kinds
 */
export async function harmVerb(world: World, verb: Verb): Promise<string> {
  const relay = await openRelay(world.site.redis.port);
  world.atEnd(relay.close);
  const said = await learn(world, verb, relay);
  const rows: string[] = [];
  for (const [at, name] of said.slice(0, MOST_POINTS).entries()) {
    const codes: (number | null)[] = [];
    for (const kind of KINDS) codes.push(await once(world, verb, relay, at + 1, kind));
    rows.push(`${name} ${codes.join(' ')}`);
  }
  return rows.join(' · ');
}

async function learn(world: World, verb: Verb, relay: RedisRelay): Promise<readonly string[]> {
  await prepare(world, verb);
  const connection = relay.made() + 1;
  const result = await through(world, relay, verb);
  expect([verb.args, result.code, result.stderr]).toEqual([
    verb.args,
    expect.toBeOneOf([0, 3]),
    expect.any(String),
  ]);
  await clear(world);
  return relay.heard(connection);
}

async function once(world: World, verb: Verb, relay: RedisRelay, nth: number, kind: FaultKind) {
  await prepare(world, verb);
  const code = await harmOnce(world, verb, relay, nth, kind);
  await clear(world);
  return code;
}

/**
 * Runs a verb that is harmed once, at the nth thing it says to Redis, counted from 1.
 * @returns its exit code
 */
export async function harmOnce(
  world: World,
  verb: Verb,
  relay: RedisRelay,
  nth: number,
  kind: FaultKind,
): Promise<number | null> {
  relay.arm({ at: '*', nth, kind, connection: relay.made() + 1 });
  const result = await through(world, relay, verb);
  relay.heal();
  const where = `${verb.args[0]} ${nth} ${kind}`;
  expectEnd(where, result);
  await expectNothingHalfDone(world, where);
  await verb.check?.(world, result).catch((error: Error) => {
    throw new Error(`${where}: ${error.message}`);
  });
  return result.code;
}

function through({ site }: World, relay: RedisRelay, { args }: Verb): Promise<Result> {
  return site.run(args, { env: { REDIS_URL: `redis://127.0.0.1:${relay.port}` } });
}

/** Done, or nothing there, or Redis was at fault; then in two lines. */
function expectEnd(where: string, { code, stderr }: Result): void {
  expect([where, code, stderr]).toEqual([where, expect.toBeOneOf([0, 3, 4]), stderr]);
  expect([where, stderr]).toEqual([where, expect.not.stringMatching(/\n {4}at /)]);
  if (code !== 4) return;
  const lines = /^(.* started\n)*meowctl: [^\n]*Redis[^\n]*\n {2}\S[^\n]*\n(meowctl: [^\n]*\n)?$/;
  expect([where, stderr]).toEqual([where, expect.stringMatching(lines)]);
}

/** What runs is listed, what is listed runs, and whatever is wanted serves. */
async function expectNothingHalfDone({ site, raw, servers }: World, where: string): Promise<void> {
  if (servers().length === 0) return expect(await raw.hkeys('{meow}:intents')).toEqual([]);
  const state = async () => {
    const up = (await site.list()).filter((row) => row.state === 'up');
    const pids = up.map(({ pid }) => pid).sort();
    const wanted = (await raw.hkeys('{meow}:intents')).sort();
    return { pids, running: servers().sort(), ids: up.map(({ id }) => id).sort(), wanted };
  };
  const isWhole = ({ pids, running, ids, wanted }: Awaited<ReturnType<typeof state>>) =>
    pids.join() === running.join() && ids.join() === wanted.join();
  await until(`${where}: nothing is half done`, async () => isWhole(await state()));
}
