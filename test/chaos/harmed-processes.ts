import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'vitest';
import type { FaultKind } from '../helpers/redis-relay.ts';
import { until } from '../helpers/until.ts';
import { openVictims, type Victim } from '../helpers/victims.ts';
import { KINDS } from './harmed-verbs.ts';
import { UNCAUGHT } from './invariants.ts';
import { against } from './scenario.ts';
import type { World } from './world.ts';

const WELL_AFTER_MS = 5_000;
/** A second connection is tried once in 5 s ± 50 %, so the next may have to wait for a while. */
const NEXT_TRY_MS = 7_500;
const BEAT_MS = 3_000;
/** After so many on a new connection a process begins again. */
const WORDS = 12;
/** Only a second connection, tried beside a silent one, is asked for a sign of life. */
const SIGN_OF_LIFE = 'PING';

/**
 * Puts a server, a door, a keeper and an `up` through each kind of harm at each thing they say to
 * Redis, side by side.
 * @returns for each, after how long at most it was well again
 */
export async function harmProcesses(world: World): Promise<string> {
  const victims = await openVictims();
  world.atEnd(victims.close);
  const rows = await Promise.all(victims.all.map(harmAtEach));
  for (const { said } of victims.all) expect(said()).not.toMatch(UNCAUGHT);
  return rows.join('; ');
}

async function harmAtEach(victim: Victim): Promise<string> {
  const { relay, name } = victim;
  const before = relay.heard().length; // whoever started it went the same way
  relay.cut();
  const said = () => relay.heard().slice(before);
  await until(`the ${name} has said all it says`, () => said().length >= WORDS);
  const cells: string[] = [];
  for (const at of [...new Set(said()), SIGN_OF_LIFE]) {
    let slowestMs = 0;
    for (const kind of KINDS) {
      if (kind === 'hold' || at === SIGN_OF_LIFE) await pause(NEXT_TRY_MS);
      slowestMs = Math.max(slowestMs, await harm(victim, at, kind));
    }
    const limitMs = at === SIGN_OF_LIFE ? NEXT_TRY_MS + BEAT_MS : WELL_AFTER_MS;
    cells.push(`${at} ${against(slowestMs, limitMs)}`);
  }
  return `${name}: ${cells.join(' · ')}`;
}

async function harm(victim: Victim, at: string, kind: FaultKind): Promise<number> {
  const { relay, name, alive } = victim;
  const where = `${name} at ${at}, ${kind}`;
  relay.arm({ at, kind });
  if (at === SIGN_OF_LIFE) await silence(victim);
  else relay.cut();
  await until(`${where}: it strikes`, () => relay.struck() > 0 || !alive());
  relay.heal();
  const beganMs = performance.now();
  await victim.writes();
  expect([where, alive()]).toEqual([where, true]);
  return performance.now() - beganMs;
}

// A search for another server, still on from the harm before, may replace a silent one unasked.
async function silence({ relay, name, alive }: Victim): Promise<void> {
  const asked = () => relay.heard().filter((word) => word === 'EVAL').length;
  let before = asked();
  relay.freeze();
  await until(`the ${name} asks a second connection for a sign of life`, () => {
    if (asked() > before) relay.freeze();
    before = asked();
    return relay.struck() > 0 || !alive();
  });
}
