import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ownProcesses } from '../helpers/cli.ts';
import { freePort } from '../helpers/redis.ts';
import { type Fault, type FaultKind, openRelay } from '../helpers/redis-relay.ts';
import { until } from '../helpers/until.ts';
import { openVictims, urlOf, type Victim, type Victims } from '../helpers/victims.ts';

const UNCAUGHT = /uncaught|unhandled|FATAL|\n {4}at .*meowctl\.cjs/i;

/** At each point of a connection's life, what does most harm there. `npm run chaos` tries every kind. */
const FAULTS: readonly (readonly [at: string, kind: FaultKind])[] = [
  ['HELLO', 'reset'],
  ['HELLO', 'hold'],
  ['HELLO', "-ERR unknown command 'HELLO', with args beginning with: '3' "],
  ['SELECT', '-ERR DB index is out of range'],
  ['SUBSCRIBE', 'reset'],
  ['SUBSCRIBE', 'hold'],
  ['SUBSCRIBE', '-NOPERM No permissions to access a channel'],
  ['EVAL', 'end'],
  ['EVAL', 'delay'],
  ['EVAL', "-READONLY You can't write against a read only replica."],
];

const SLOW_MS = 2_000;
const KILLS = 40;
const KILL_EVERY_MS = 20;
/** Between two tries of a second connection. */
const LEAST_PAUSE_MS = 2_500;

let victims: Victims;

beforeAll(async () => {
  victims = await openVictims();
});
afterAll(() => victims.close());

async function outlives(victim: Victim, fault: Fault): Promise<void> {
  const { relay, name } = victim;
  relay.arm(fault);
  relay.cut();
  await until(
    `${fault.at} ${fault.kind} strikes the ${name}`,
    () => relay.struck() > 0 || !victim.alive(),
  );
  relay.heal();
  expect([name, fault, victim.alive(), victim.said()]).toEqual([
    name,
    fault,
    true,
    expect.any(String),
  ]);
  await victim.writes();
  expect([name, fault, victim.alive(), victim.said()]).toEqual([
    name,
    fault,
    true,
    expect.any(String),
  ]);
}

const count = (text: string, pattern: RegExp) => text.split(pattern).length - 1;

describe('a connection on which nothing comes back', () => {
  test('gives way to a second one once that is answered, and both are said once', async () => {
    const { all } = victims;
    const before = all.map((victim) => [victim.said().length, victim.relay.made()] as const);
    for (const { relay } of all) relay.freeze();
    await Promise.all(all.map((victim) => victim.writes()));
    for (const [at, victim] of all.entries()) {
      const [length = 0, made = 0] = before[at] ?? [];
      const said = () => victim.said().slice(length);
      await until('it is said', () => /is back/.test(said()));
      expect([count(said(), /does not answer/), count(said(), /is back/)]).toEqual([1, 1]);
      expect(victim.relay.made() - made).toBe(1);
    }
  });

  test('stays where a second one is answered no sooner: Redis slow, or stopped, meets no storm', async () => {
    const { all, site } = victims;
    const before = all.map(({ relay }) => [relay.made(), relay.heard().length] as const);
    const made = () => all.map(({ relay }, at) => relay.made() - (before[at]?.[0] ?? 0));
    for (const { relay } of all) relay.slow(SLOW_MS);
    await until('each has asked twice', () =>
      all.every(({ relay }, at) => relay.heard().length >= 2 + (before[at]?.[1] ?? 0)),
    );
    expect(made()).toEqual([0, 0, 0, 0]);
    for (const { relay } of all) relay.slow(0);
    await Promise.all(all.map((victim) => victim.writes()));
    await site.redis.kill('SIGSTOP');
    const beganMs = performance.now();
    await until('each tries a second one', () => made().every((tries) => tries > 0));
    const most = 1 + (performance.now() - beganMs) / LEAST_PAUSE_MS;
    await site.redis.kill('SIGCONT');
    await Promise.all(all.map((victim) => victim.writes()));
    for (const tries of made()) expect(tries).toBeLessThanOrEqual(most);
    await until('each has one', () => all.every(({ relay }) => relay.open() === 1));
  });
});

describe('whatever happens to a connection to Redis', () => {
  test.concurrent.each(['server', 'door', 'keeper', 'up'] as const)(
    'the %s lives, says nothing uncaught, and is well again',
    async (name) => {
      const victim = victims.all.find((each) => each.name === name);
      if (!victim) throw new Error(`no ${name}`);
      for (const [at, kind] of FAULTS) await outlives(victim, { at, kind });
      expect(victim.said()).not.toMatch(UNCAUGHT);
    },
  );
});

describe('a process that meets such a fault at its very start', () => {
  test.each([
    ['keep', 'HELLO', 'reset'],
    ['proxy --no-admin', 'EVAL', 'end'],
    ['up -n 0 --no-admin', 'EVAL', '-NOPERM no permissions'],
  ] as const)('exits 4 and says why in two lines: %s', async (words, at, kind) => {
    const relay = await openRelay(victims.site.redis.port);
    relay.arm({ at, kind });
    const port = String(await freePort());
    const args = words === 'keep' ? [words] : [...words.split(' '), '--port', port];
    const home = join(victims.site.home, 'third');
    const env = { MEOW_HOME: home, REDIS_URL: urlOf(relay.port) };
    const { code, stdout, stderr } = await victims.site.run(args, { env });
    relay.close();
    expect([code, stdout, relay.struck()]).toEqual([4, '', 1]);
    // What lasts has said that it is away before it gives up.
    expect(stderr).toMatch(/^(meowctl: Redis at [^\n]*\n){1,2} {2}\S[^\n]*\n$/);
    await until('nothing is left of it', () => ownProcesses(home).length === 0);
  });
});

describe('a user who may not use the channel', () => {
  test('ends nobody: each says once that changes are seen later, and hears again once it may', async () => {
    const { raw, all } = victims;
    const may = async (rule: string) => {
      await raw.acl('SETUSER', 'default', rule);
      await raw.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      await Promise.all(all.map((victim) => victim.writes()));
    };
    const before = all.map((victim) => victim.said().length);
    await may('resetchannels');
    const later = /changes of the fleet are seen within a second/;
    const said = () => all.map((victim, at) => count(victim.said().slice(before[at]), later));
    await until('all have said it', () => said().every((times) => times > 0));
    expect(said()).toEqual([1, 1, 1, 1]);
    await may('allchannels');
    await until('all hear again', async () => {
      const [, listening] = (await raw.call('PUBSUB', 'NUMSUB', '{meow}:changes')) as unknown[];
      return listening === all.length;
    });
    expect(all.map((victim) => victim.alive())).toEqual([true, true, true, true]);
  });
});

describe('connections that are killed again and again', () => {
  test('end nobody, replace nobody, and fill no log', async () => {
    const { raw, all } = victims;
    const pids = async () => Object.values(await raw.hgetall('{meow}:intents'));
    const before = await pids();
    const lines = all.map((victim) => victim.said().split('\n').length);
    const beganMs = performance.now();
    for (let kills = 0; kills < KILLS; kills++) {
      await raw.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      await raw.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await pause(KILL_EVERY_MS);
    }
    const tookS = (performance.now() - beganMs) / 1_000;
    for (const [at, victim] of all.entries()) {
      expect(victim.said().split('\n').length - (lines[at] ?? 0)).toBeLessThan(3 + 2 * tookS);
    }
    await Promise.all(all.map((victim) => victim.writes()));
    expect(all.map((victim) => victim.alive())).toEqual([true, true, true, true]);
    expect(await pids()).toEqual(before);
  });
});
