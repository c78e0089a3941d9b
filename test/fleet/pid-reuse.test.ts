import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { bundleFixture } from './bundle.ts';

const canChoosePids =
  process.geteuid?.() === 0 &&
  existsSync('/proc/sys/kernel/ns_last_pid') &&
  spawnSync('unshare', ['-pf', '--mount-proc', 'sh', '-c', 'echo 99 >/proc/sys/kernel/ns_last_pid'])
    .status === 0;

test.runIf(canChoosePids)(
  'a stranger that got the pid of a server is not signalled, even with its start time',
  async () => {
    const program = await bundleFixture('signals-recycled-pid.ts');
    const args = ['-pf', '--mount-proc', process.execPath, program.file];
    const { stdout, stderr } = spawnSync('unshare', args, { encoding: 'utf8', timeout: 25_000 });
    program.remove();
    expect(stderr).toBe('');
    const said: unknown = JSON.parse(stdout);
    expect(said).toEqual({ recycled: true, endings: ['gone', 'gone'], alive: true });
  },
);

test.skipIf(canChoosePids)(
  'pids cannot be chosen here: that needs root and a pid namespace',
  () => {
    expect(canChoosePids).toBe(false);
  },
);
