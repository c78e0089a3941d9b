import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { defaults } from '../../../src/defaults.ts';
import { stopServers } from '../../../src/fleet/destroy/stop.ts';
import { identify } from '../../../src/process/identity.ts';

const FOREVER = 'setInterval(() => {}, 1_000)';

/** A process that ends by SIGTERM, as a server's record names it. */
function startProcess(id: string) {
  const child = spawn(process.execPath, ['-e', FOREVER, '--', 'serve', '--id', id], {
    detached: true,
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const { pid = 0 } = child;
  return { child, record: { id, port: 3_001, pid, pidStart: identify(pid)?.start ?? '' } };
}

test('servers that went before are neither told to leave nor told as gone', async () => {
  const [early, late] = [startProcess('early2'), startProcess('late22')];
  early.child.kill('SIGKILL');
  await once(early.child, 'exit');
  const told: string[] = [];
  const noted: unknown[] = [];
  const killed = await stopServers([early.record, late.record], {
    drainMs: 10_000,
    settings: defaults,
    registry: { note: ({ server }) => void noted.push(server) },
    steps: {
      now: (id) => void told.push(`${id} leaves`),
      done: (id) => void told.push(`${id} is gone`),
      failed: (id) => void told.push(`${id} failed`),
    },
  });
  expect({ told, noted, killed }).toEqual({
    told: ['late22 leaves', 'late22 is gone'],
    noted: ['late22'],
    killed: [],
  });
});
