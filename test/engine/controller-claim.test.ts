import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Bundle, bundleFixture } from '../helpers/bundle.ts';
import { killAtEnd, temporaryFolder } from '../helpers/cleanup.ts';

const AT_ONCE = 4;

let program: Bundle;
beforeAll(async () => {
  program = await bundleFixture('claims-haproxy.ts');
});
afterAll(() => program.remove());

async function contender(): Promise<ChildProcess> {
  // Known by its command line as a door.
  const child = fork(program.file, ['meowctl', 'proxy'], { stdio: 'ignore', execArgv: [] });
  killAtEnd(child.pid ?? 0);
  await once(child, 'message');
  return child;
}

async function claims(child: ChildProcess, home: string): Promise<string> {
  const said = once(child, 'message');
  child.send({ home, controller: join(home, 'controller.json') });
  return String((await said)[0]);
}

test('of doors that claim one HAProxy at once, one has it, and the others see who does not let go', async () => {
  const contenders = await Promise.all(Array.from({ length: AT_ONCE }, contender));
  for (let round = 0; round < 3; round++) {
    const home = temporaryFolder();
    const said = await Promise.all(contenders.map((child) => claims(child, home)));
    expect(said.filter((word) => word === 'has it')).toHaveLength(1);
    for (const word of said) expect(word).toMatch(/^has it$|looks after the HAProxy on this port/);
  }
});
