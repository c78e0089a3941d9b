import { spawnSync } from 'node:child_process';
import { existsSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { defaults } from '../../../src/defaults.ts';
import { writeUpMark } from '../../../src/fleet/up/mark.ts';
import { takeUp } from '../../../src/fleet/up/single-up.ts';
import { thisMachine } from '../../../src/process/identity.ts';
import { bundleFixture } from '../../helpers/bundle.ts';
import { temporaryFolder } from '../../helpers/cleanup.ts';
import { until } from '../../helpers/until.ts';

const never = new AbortController().signal;

async function taken(home: string, lines: string[] = []) {
  const log = (line: string) => lines.push(line);
  const settings = { ...defaults, beatMs: 100, leaseMs: 1_000 };
  const options = { signal: never, log, settings };
  const up = await takeUp(home, thisMachine(home), options);
  onTestFinished(() => up.release());
  return up;
}

/** Another machine, with the same folder. */
function elsewhere(home: string) {
  return { ...thisMachine(home), host: 'other', bootId: 'another boot', pid: 42, pidStart: '7' };
}

/** Its `up` lives: its mark moves. */
function beating(home: string) {
  let at = 0;
  const beat = () => utimesSync(join(home, 'up.json'), at, ++at);
  const timer = setInterval(beat, 100);
  onTestFinished(() => clearInterval(timer));
}

describe('the one `up` of a state folder', () => {
  test('is not this one while another machine has the folder', async () => {
    const home = temporaryFolder();
    writeUpMark(home, elsewhere(home));
    beating(home);
    await expect(taken(home)).rejects.toMatchObject({
      code: 'already-up',
      exitCode: 1,
      message: 'meowctl up already runs in this state folder on other (pid 42)',
    });
  });

  test('is this one when the mark of another machine does not move for a lease', async () => {
    const home = temporaryFolder();
    writeUpMark(home, elsewhere(home));
    const lines: string[] = [];
    const up = await taken(home, lines);
    expect(lines).toEqual([
      expect.stringContaining('up to 1 s whether the `meowctl up` of host other'),
    ]);
    // And another machine that takes it all the same, at the same moment, has it.
    writeUpMark(home, elsewhere(home));
    expect((await up.lost).message).toContain('already runs in this state folder on other');
    await up.release();
    expect(existsSync(join(home, 'up.json'))).toBe(true);
  });

  test('is this one at once after one of this machine that was killed, or whose mark is damaged', async () => {
    for (const text of ['{"pid":4194305,"pidStart":"1"}', '', 'null']) {
      const home = temporaryFolder();
      writeFileSync(join(home, 'up.json'), text);
      const lines: string[] = [];
      const up = await taken(home, lines);
      expect(lines).toEqual([]);
      await up.release();
      expect(existsSync(join(home, 'up.json'))).toBe(false);
    }
  });

  test('puts its mark back when somebody removed it', async () => {
    const home = temporaryFolder();
    await taken(home);
    spawnSync('rm', [join(home, 'up.json')]);
    await until('it is there again', () => existsSync(join(home, 'up.json')));
  });
});

const canBeFirst =
  process.geteuid?.() === 0 && spawnSync('unshare', ['-pf', '--mount-proc', 'true']).status === 0;

test.runIf(canBeFirst)('what does not end is named: process 1 that ignores SIGTERM', async () => {
  const program = await bundleFixture('ends-process-one.ts');
  const node = [process.execPath, program.file, '/opt/bin/meowctl.js', 'up'];
  const { stdout, stderr } = spawnSync('unshare', ['-pf', '--mount-proc', ...node], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  program.remove();
  expect(stderr).toBe('');
  expect(stdout).toBe('`meowctl up` (pid 1) does not end, exit 1\n');
});

test.skipIf(canBeFirst)('process 1 cannot be tried here: that needs root and unshare', () => {
  expect(canBeFirst).toBe(false);
});
