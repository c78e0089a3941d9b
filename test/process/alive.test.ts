import { spawn } from 'node:child_process';
import { expect, test } from 'vitest';
import { identify, isAlive, isAliveHere, thisMachine } from '../../src/process/identity.ts';
import { killAtEnd, temporaryFolder } from '../helpers/cleanup.ts';
import { until } from '../helpers/until.ts';

const id = 'abc234';

async function server() {
  const args = ['-e', 'setInterval(() => {}, 1000)', 'serve', '--id', id];
  const { pid = 0 } = spawn(process.execPath, args, { stdio: 'ignore' });
  killAtEnd(pid);
  await until('it runs', () => identify(pid)?.commandLine.includes('serve'));
  return { id, pid, pidStart: identify(pid)?.start ?? '' };
}

test('a process is alive here only by pid, start time, id, host and run of that host together', async () => {
  const machine = thisMachine(temporaryFolder());
  const { hostId, host, bootId, pidNs } = machine;
  const record = { ...(await server()), hostId, host, bootId, pidNs };
  const changes = {
    'as it is': {},
    'another pid': { pid: process.pid },
    'another start time': { pidStart: '1' },
    'another id': { id: 'xyz234' },
    'another host': { hostId: 'z'.repeat(16) },
    'another boot': { bootId: 'b' },
    'another container': { pidNs: 'pid:[1]' },
  };
  const found = Object.entries(changes).map(([what, change]) => {
    const changed = { ...record, ...change };
    return [what, isAliveHere(changed, machine), isAlive(changed)];
  });
  expect(found).toEqual([
    ['as it is', true, true],
    ['another pid', false, false],
    ['another start time', false, false],
    ['another id', false, false],
    ['another host', false, true],
    ['another boot', false, true],
    ['another container', false, true],
  ]);
  process.kill(record.pid, 'SIGKILL');
  await until('it is gone', () => !isAliveHere(record, machine));
});
