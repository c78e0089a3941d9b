import { expect } from 'vitest';
import { openRelay } from '../helpers/redis-relay.ts';
import { harmProcesses } from './harmed-processes.ts';
import { harmOnce, harmVerb, KINDS } from './harmed-verbs.ts';
import type { Scenario } from './scenario.ts';
import { prepare, VERBS } from './verbs.ts';

/** A connection greets first. */
const FIRST_QUESTION = 2;

const words = KINDS.map((kind) => kind.replace(/ .*/, '')).join(', ');

/** Each verb, harmed at each thing it says to Redis in each way. */
const verbs: readonly Scenario[] = VERBS.map((verb) => ({
  fault: `\`${verb.args[0]}\`: each of its words to Redis meets ${words}`,
  expected: 'exit 0, 3 or 4, two lines; nothing half done',
  quick: false,
  run: (world) => harmVerb(world, verb),
}));

const processes: Scenario = {
  fault: `server, door, keeper, \`up\`: each of their words to Redis meets ${words}`,
  expected:
    'each lives, nothing uncaught; well ≤ 5 s after, ≤ 10.5 s where the second connection (PING) is harmed too',
  quick: false,
  run: harmProcesses,
};

const quickly: Scenario = {
  fault: 'each verb is cut off at the first thing it asks of Redis',
  expected: 'exit 4, two lines; nothing half done',
  quick: true,
  async run(world) {
    const relay = await openRelay(world.site.redis.port);
    world.atEnd(relay.close);
    // One server is enough for them all: what is cut off leaves it as it was.
    await world.spawn();
    for (const verb of VERBS) {
      if (verb.args[0] === 'meow') await prepare(world, verb);
      const code = await harmOnce(world, verb, relay, FIRST_QUESTION, 'reset');
      expect([verb.args, code, relay.struck()]).toEqual([verb.args, 4, 1]);
    }
    expect(world.servers().length).toBe(1);
    return `${VERBS.length} × exit 4; the one server as before`;
  },
};

export const harmFaults: readonly Scenario[] = [quickly, processes, ...verbs];
