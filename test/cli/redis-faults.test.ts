import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Fault, FaultKind } from '../helpers/redis-relay.ts';
import { until } from '../helpers/until.ts';
import { openVictims, type Victim, type Victims } from '../helpers/victims.ts';

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
  ['EVAL', 'hold'],
  ['EVAL', 'delay'],
  ['EVAL', "-READONLY You can't write against a read only replica."],
];

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
  expect([name, fault, victim.alive()]).toEqual([name, fault, true]);
  await victim.writes();
  expect([name, fault, victim.alive()]).toEqual([name, fault, true]);
}

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
