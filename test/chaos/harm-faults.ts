import { harmProcesses } from './harmed-processes.ts';
import { harmVerb, KINDS } from './harmed-verbs.ts';
import type { Scenario } from './scenario.ts';
import { VERBS } from './verbs.ts';

const words = KINDS.map((kind) => kind.replace(/ .*/, '')).join(', ');

/** Each verb, harmed at each thing it says to Redis in each way. */
const verbs: readonly Scenario[] = VERBS.map((verb) => ({
  fault: `\`${verb.args[0]}\`: each of its words to Redis meets ${words}`,
  expected: 'exit 0, 3 or 4, two lines; nothing half done',
  quick: false,
  run: (world) => harmVerb(world, verb, { kinds: KINDS, points: null }),
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
    const rows: string[] = [];
    for (const verb of VERBS) {
      const kinds = KINDS.filter((kind) => kind === 'reset');
      rows.push(`${verb.args[0]}: ${await harmVerb(world, verb, { kinds, points: [1] })}`);
    }
    return rows.join('; ');
  },
};

export const harmFaults: readonly Scenario[] = [quickly, processes, ...verbs];
