import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { ownProcesses } from '../helpers/cli.ts';
import { until } from '../helpers/until.ts';
import type { World } from './world.ts';

const KEEPER = '{meow}:keeper:';
export const UNCAUGHT = /uncaught|unhandled|FATAL|\n {4}at .*meowctl\.cjs/i;

/** What must be so after every fault. Ends the fleet. */
export async function expectPeace(world: World): Promise<void> {
  await expectNoOrphan(world);
  await expectEmptyAfterDestroy(world);
  await expectDoorsLeave(world);
  await until('no process is left', () => ownProcesses(world.site.home).length === 0);
  expectCalmLogs(world.site.home);
}

/** Every server that runs is listed as up, and every one listed as up runs. */
async function expectNoOrphan({ site, servers }: World): Promise<void> {
  const state = async () => {
    const up = (await site.list()).filter((row) => row.state === 'up').map(({ pid }) => pid);
    return { listed: up.sort(), running: servers().sort() };
  };
  await until('what runs is listed, and the other way round', async () => {
    const { listed, running } = await state();
    return listed.join() === running.join();
  }).catch(async (error: Error) => {
    throw new Error(`${error.message}: ${JSON.stringify(await state())}`);
  });
}

async function expectEmptyAfterDestroy({ site, raw, servers }: World): Promise<void> {
  const { code, stderr } = await site.run(['destroy', '--all', '--drain-timeout', '2']);
  expect([code, stderr]).toEqual([0, expect.any(String)]);
  await until('no server is left', () => servers().length === 0);
  expect(await site.list()).toEqual([]);
  const about = /:(servers|leases|intents|orders|acks|keeper|delivering|claims)/;
  const left = async () => (await raw.keys('{meow}:*')).filter((key) => about.test(key));
  // A keeper that was killed leaves its lease, which runs out by itself.
  const isKept = (key: string) => key.startsWith(KEEPER);
  await until('no keeper holds a host', async () => !(await left()).some(isKept));
  expect(await left()).toEqual([]);
}

/** A door that nobody killed has lived through it, and leaves when it is told to. */
async function expectDoorsLeave({ doors }: World): Promise<void> {
  for (const door of doors) {
    if (door.child.signalCode === 'SIGKILL') continue;
    expect(door.alive()).toBe(true);
    door.child.kill('SIGTERM');
    const { code, stderr } = await door.ended;
    expect(code).toBe(0);
    expect(stderr).not.toMatch(UNCAUGHT);
  }
}

function expectCalmLogs(home: string): void {
  const logs = join(home, 'logs');
  for (const name of existsSync(logs) ? readdirSync(logs) : []) {
    expect(readFileSync(join(logs, name), 'utf8')).not.toMatch(UNCAUGHT);
  }
}
