import { spawnSync } from 'node:child_process';
import { expect } from 'vitest';
import { bundleFixture } from '../helpers/bundle.ts';
import { needs, testWith } from '../helpers/needs.ts';

testWith(
  needs.chosenPids,
  'a stranger that got the pid of a server is not signalled, even with its start time',
  async () => {
    const program = await bundleFixture('signals-recycled-pid.ts');
    const args = ['-pf', '--mount-proc', process.execPath, program.file];
    const { stdout, stderr } = spawnSync('unshare', args, { encoding: 'utf8', timeout: 250_000 });
    program.remove();
    expect(stderr).toBe('');
    const said: unknown = JSON.parse(stdout);
    expect(said).toEqual({ recycled: true, endings: ['gone', 'gone'], alive: true });
  },
);
