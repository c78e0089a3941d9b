import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSite, type Site } from '../helpers/cli.ts';
import { inTerminal } from '../helpers/pseudo-terminal.ts';
import { until } from '../helpers/until.ts';

let site: Site;
beforeAll(async () => {
  site = await openSite();
});
afterAll(() => site.close());

/** What a shell adds to the number of the signal that ended a process. */
const BY_SIGNAL = 128;

test('top ends by itself, not by an abort of Node, where its terminal is closed', async () => {
  const file = join(site.home, 'code');
  const { child, written } = inTerminal(['top'], {
    env: site.env,
    // The shell lives on, and tells how it ended.
    shell: (command) => `trap : HUP; ${command}; echo $? > ${file}`,
  });
  await until('it is there', () => written().includes('meowctl top'));
  child.kill('SIGKILL');
  await until('it has ended', () => existsSync(file) && readFileSync(file, 'utf8') !== '');
  expect(Number(readFileSync(file, 'utf8'))).toBeLessThan(BY_SIGNAL);
});
