import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { askPs, watchGroup } from '../../src/process/group-usage.ts';
import { until } from '../helpers/until.ts';

/** Burns so much CPU time, says so, and waits. */
const burns = (ms: number) => `
  while (process.cpuUsage().user < ${ms * 1_000}) for (let at = 0; at < 1e6; at += 1);
  console.log('done');
  setInterval(() => {}, 1_000);
`;
/** Starts another program in its own process group each time it gets a line, and passes on what it says. */
const PARENT = `
  const { spawn } = require('node:child_process');
  console.log('done');
  process.stdin.on('data', (code) => {
    spawn(process.execPath, ['-e', String(code)], { stdio: ['ignore', 'inherit', 'ignore'] });
  });
`;

async function started(code: string): Promise<ChildProcess & { readonly pid: number }> {
  const child = spawn(process.execPath, ['-e', code], {
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  onTestFinished(() => killGroup(child.pid ?? 0));
  await once(child.stdout, 'data');
  return child as ChildProcess & { readonly pid: number };
}

async function killGroup(pid: number): Promise<void> {
  const look = watchGroup(pid);
  if (look()) process.kill(-pid, 'SIGKILL');
  await until('the group is gone', () => look() === null);
}

const rssOf = (pid: number) =>
  1_024 * Number(/^VmRSS:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);

test('a group of one uses what its process does', async () => {
  const { pid } = await started(burns(300));
  const usage = watchGroup(pid)();
  expect(Math.abs((usage?.rss ?? 0) / rssOf(pid) - 1)).toBeLessThan(0.1);
  expect(usage?.cpuMs).toBeGreaterThanOrEqual(290);
});

test('one that starts another has the usage of both, also of one that came between two looks', async () => {
  const parent = await started(PARENT);
  const look = watchGroup(parent.pid);
  const alone = look();
  parent.stdin?.write(burns(400));
  await once(parent.stdout ?? parent, 'data');
  const both = look();
  expect(both?.rss).toBeGreaterThan(1.3 * (alone?.rss ?? 0));
  expect(both?.cpuMs).toBeGreaterThanOrEqual((alone?.cpuMs ?? 0) + 390);
});

test('the time of one that has ended stays, and there is nothing of a group that is gone', async () => {
  const parent = await started(PARENT);
  const look = watchGroup(parent.pid);
  const alone = look();
  parent.stdin?.write(burns(300).replace(/setInterval.*/, ''));
  const after = await until('the time has come', () => {
    const usage = look();
    return usage && usage.cpuMs >= (alone?.cpuMs ?? 0) + 290 && usage;
  });
  await until('the child is gone', () => (look()?.rss ?? 0) < 1.2 * (alone?.rss ?? 0));
  expect(look()?.cpuMs).toBeGreaterThanOrEqual(after.cpuMs);
  parent.kill('SIGKILL');
  await once(parent, 'exit');
  expect(look()).toBeNull();
});

test('ps tells the same, in whole seconds', async () => {
  const { pid } = await started(burns(1_200));
  const [usage, told] = [watchGroup(pid)(), askPs(pid)];
  expect(Math.abs((told?.rss ?? 0) / (usage?.rss ?? 1) - 1)).toBeLessThan(0.1);
  expect(Math.abs((told?.cpuMs ?? 0) - (usage?.cpuMs ?? 0))).toBeLessThan(1_100);
  expect(told?.cpuMs).toBeGreaterThanOrEqual(1_000);
  expect(askPs(2 ** 22 + 1)).toBeNull();
});
