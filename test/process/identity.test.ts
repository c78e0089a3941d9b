import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { identify, isHere, isOfHost, isProcess, thisMachine } from '../../src/process/identity.ts';
import { killAtEnd, temporaryFolder } from '../helpers/cleanup.ts';
import { until } from '../helpers/until.ts';

function sleeper(...args: string[]): number {
  const code = ['-e', 'setInterval(() => {}, 1000)'];
  const { pid = 0 } = spawn(process.execPath, [...code, ...args], { stdio: 'ignore' });
  killAtEnd(pid);
  return pid;
}

function identified(pid: number) {
  return until('it runs its program', () => {
    const found = identify(pid);
    return found?.commandLine.includes('-e') ? found : null;
  });
}

describe('the identity of a process', () => {
  test('is its start time and its command line, whatever blanks stand in it', async () => {
    const pid = sleeper('serve', '--id', 'two words', ')');
    const found = await identified(pid);
    expect(found.commandLine.slice(-4)).toEqual(['serve', '--id', 'two words', ')']);
    expect(found.start).toMatch(/^\d+$/);
    expect(identify(pid)).toEqual(found);
  });

  test('is null for a process that is gone, even one nobody has waited for', async () => {
    const shell = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 60'], { stdio: 'pipe' });
    killAtEnd(shell.pid ?? 0);
    const [line] = await once(shell.stdout, 'data');
    await until('the zombie does not count', () => identify(Number(line)) === null);
    expect(identify(2 ** 22 + 1)).toBeNull();
  });

  test('of this one is what others see of it', () => {
    const home = temporaryFolder();
    const { pid, pidStart, ...machine } = thisMachine(home);
    expect(pid).toBe(process.pid);
    expect(identify(pid)?.start).toBe(pidStart);
    expect(isHere(machine, thisMachine(home))).toBe(true);
    expect(isHere({ ...machine, bootId: 'before the reboot' }, thisMachine(home))).toBe(false);
  });

  test('belongs to its state folder, not to the name of its machine', () => {
    const [one, two] = [thisMachine(temporaryFolder()), thisMachine(temporaryFolder())];
    expect(one.host).toBe(two.host);
    expect([isHere(one, two), isOfHost(one, two)]).toEqual([false, false]);
    const container = { ...one, pidNs: 'pid:[1]' };
    expect([isHere(container, one), isOfHost(container, one)]).toEqual([false, true]);
    const { hostId: _, pidNs: __, ...old } = one;
    expect([isHere(old, one), isHere({ ...old, host: 'other' }, one)]).toEqual([true, false]);
  });
});

describe('a process is the server of a record', () => {
  const record = { id: 'abc234', pid: 4_711, pidStart: '99' };
  const right = ['node', 'meowctl.js', 'serve', '--id', 'abc234', '--spawned'];
  test.each([
    ['with start time and id', '99', right, true],
    ['not with another start time: the pid was given away', '98', right, false],
    ['not with another id: pid and start time recurred', '99', ['serve', '--id', 'zzzzzz'], false],
    ['not with the id elsewhere in its line', '99', ['vi', 'abc234', 'serve', '--id'], false],
    ['not without a command line', '99', [], false],
  ])('%s', (_, start, commandLine, expected) => {
    expect(isProcess(record, { start, commandLine })).toBe(expected);
  });

  test('not when there is no process', () => {
    expect(isProcess(record, null)).toBe(false);
  });
});
