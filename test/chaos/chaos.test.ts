import { describe, test } from 'vitest';
import { missing } from '../helpers/needs.ts';
import { deafFaults } from './deaf-faults.ts';
import { doorFaults } from './door-faults.ts';
import { engineFaults } from './engine-faults.ts';
import { failoverFaults } from './failover-faults.ts';
import { harmFaults } from './harm-faults.ts';
import { healthFaults } from './health-faults.ts';
import { expectPeace } from './invariants.ts';
import { machineFaults } from './machine-faults.ts';
import { pictureFaults } from './picture-faults.ts';
import { poisonFaults } from './poison-faults.ts';
import { portFaults } from './port-faults.ts';
import { redisFaults } from './redis-faults.ts';
import { type Scenario, Skipped } from './scenario.ts';
import { serverFaults } from './server-faults.ts';
import { stickyFaults } from './sticky-faults.ts';
import { streamFaults } from './stream-faults.ts';
import { verbFaults } from './verb-faults.ts';
import { openWorld } from './world.ts';

declare module 'vitest' {
  interface TaskMeta {
    /** What the table at the end of `npm run chaos` shows. */
    chaos?: { expected: string; measured: string };
  }
}

const LIMIT_MS = 600_000;
const scenarios = [
  serverFaults,
  poisonFaults,
  healthFaults,
  pictureFaults,
  streamFaults,
  deafFaults,
  verbFaults,
  portFaults,
  redisFaults,
  failoverFaults,
  harmFaults,
  doorFaults,
  stickyFaults,
  engineFaults,
  machineFaults,
].flat();
const wanted = ({ quick }: Scenario) => quick || process.env.MEOW_CHAOS === 'all';

describe('nothing is lost, nothing is left over, and the exit codes are right:', () => {
  for (const scenario of scenarios.filter(wanted)) {
    test(scenario.fault, { timeout: LIMIT_MS }, async ({ task, skip }) => {
      const note = { expected: scenario.expected, measured: '' };
      task.meta.chaos = note;
      const why = await live(scenario, note);
      if (why === null) return;
      task.meta.missing = why;
      skip(missing(why));
    });
  }
});

/** @returns why it could not be tried, if so */
async function live(scenario: Scenario, note: { measured: string }): Promise<string | null> {
  const world = await openWorld(scenario.redisArgs);
  try {
    note.measured = await scenario.run(world);
    await expectPeace(world);
    return null;
  } catch (error) {
    if (!(error instanceof Skipped)) throw error;
    note.measured = error.message;
    return error.message;
  } finally {
    await world.close();
  }
}
