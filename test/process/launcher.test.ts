import { spawn } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { MeowError, NotReadyError } from '../../src/errors.ts';
import { identify } from '../../src/process/identity.ts';
import { launch, startDetached } from '../../src/process/launcher.ts';
import { sendSignal, terminate } from '../../src/process/terminate.ts';
import { fixture } from '../helpers/bundle.ts';
import { killAtEnd, temporaryFolder } from '../helpers/cleanup.ts';
import { needs, testWith } from '../helpers/needs.ts';
import { until } from '../helpers/until.ts';

function options(name: string, ...args: string[]) {
  const folder = temporaryFolder();
  return {
    name: 'server abc234',
    command: process.execPath,
    args: [fixture(name), ...args],
    env: { PATH: '/usr/bin:/bin' },
    cwd: folder,
    logFile: join(folder, 'server.log'),
    readyTimeoutMs: 10_000,
    termGraceMs: 10_000,
  };
}

async function failureOf(launched: Promise<unknown>): Promise<MeowError> {
  const error = await launched.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (error instanceof MeowError) return error;
  throw new Error(`not a MeowError: ${error}`);
}

/** State, parent, group and session of a process, as proc(5) tells them. */
function statOf(pid: number): string[] {
  return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
}

const logTail = (error: MeowError) => (error instanceof NotReadyError ? error.logTail : []);

/** The pid a fixture wrote into its log, and whether it still lives. */
function pidIn(logFile: string): number {
  return Number(/deaf (\d+)/.exec(readFileSync(logFile, 'utf8'))?.[1]);
}

describe('launch', () => {
  test('gives what the child says with `ready`, and lets it live in a session of its own', async () => {
    const pid = Number(await launch(options('says-ready.mjs', '{"ready":PID}\n')));
    killAtEnd(pid);
    const [, , group, session] = statOf(pid);
    expect([group, session]).toEqual([String(pid), String(pid)]);
  });

  test('of a child that dies at start fails with its exit and the end of its log', async () => {
    const error = await failureOf(launch(options('dies-at-start.mjs')));
    expect(error).toMatchObject({ code: 'not-ready', exitCode: 5 });
    expect(error.message).toBe('server abc234 ended with exit code 3 before it was ready');
    expect(logTail(error)).toEqual([
      'reading settings',
      'boom: no \\u001b[31mcream\\u001b[0m left',
    ]);
  });

  test('of a child that writes its log itself shows the end of that, then what went past it', async () => {
    const launched = options('dies-at-start.mjs');
    const rawLogFile = `${launched.logFile}.err`;
    writeFileSync(launched.logFile, '2026-03-01T12:00:00.250Z waking\n');
    const error = await failureOf(launch({ ...launched, rawLogFile }));
    expect(error.remedy).toContain(launched.logFile);
    expect(logTail(error)).toEqual(['waking', 'reading settings', expect.stringContaining('boom')]);
    expect(readFileSync(launched.logFile, 'utf8')).not.toContain('boom');
  });

  test('of a child that is never ready ends it after its time', async () => {
    const error = await failureOf(launch({ ...options('never-ready.mjs'), readyTimeoutMs: 1_500 }));
    expect(error).toMatchObject({ code: 'not-ready', exitCode: 5 });
    expect(error.message).toBe('server abc234 was not ready within 1.5 s');
    expect(logTail(error)).toEqual(['thinking']);
  });

  test('kills a child that ignores SIGTERM once its grace has passed', async () => {
    const patience = { readyTimeoutMs: 1_500, termGraceMs: 200 };
    const launched = { ...options('ignores-sigterm.mjs'), ...patience };
    const error = await failureOf(launch(launched));
    expect(error.message).toContain('not ready within');
    expect(logTail(error)).toEqual([expect.stringMatching(/^deaf \d+$/), 'no']);
    expect(identify(pidIn(launched.logFile))).toBeNull();
  });

  test('stops the child when it is interrupted', async () => {
    const interruption = new AbortController();
    const launched = { ...options('ignores-sigterm.mjs'), termGraceMs: 100 };
    const failed = failureOf(launch({ ...launched, signal: interruption.signal }));
    const pid = await until('the child lives', () => pidOrNull(launched.logFile));
    interruption.abort();
    expect(await failed).toMatchObject({ code: 'interrupted', exitCode: 130 });
    expect(identify(pid)).toBeNull();
  });

  test('gives on what the child reports, with its exit code', async () => {
    const report = { code: 'port-in-use', message: 'port 3001 is in use', remedy: 'Use another' };
    const line = `${JSON.stringify({ error: { ...report, exitCode: 1 } })}\n`;
    const error = await failureOf(launch(options('says-ready.mjs', line)));
    expect(error).toMatchObject({ ...report, exitCode: 1 });
  });

  test.each([
    ['nothing', ''],
    ['no JSON', 'ready!\n'],
    ['another type', 'null\n'],
    ['an unfinished line', '{"ready":true}'],
    ['far too much', 'x'.repeat(100_000)],
  ])('takes a child that says %s for not ready', async (_, said) => {
    const error = await failureOf(launch(options('says-ready.mjs', said)));
    expect(error).toMatchObject({ code: 'not-ready', exitCode: 5 });
  });

  test('of a program that is not there names it', async () => {
    const error = await failureOf(launch({ ...options(''), command: '/no/such/node' }));
    expect(error.exitCode).toBe(1);
    expect(error.message).toContain('cannot start "/no/such/node"');
  });

  test('with more variables than the system hands on names the largest, never its value', async () => {
    const some = Array.from({ length: 60 }, (_, n) => [`V${n}`, 'x'.repeat(100_000)]);
    const env = { ...Object.fromEntries(some), MOST: 'hush'.repeat(30_000) };
    const error = await failureOf(launch({ ...options('says-ready.mjs'), env }));
    expect(error).toMatchObject({ code: 'cannot-start', exitCode: 1 });
    expect(error.message).toContain('variable "MOST" alone 120006');
    expect(error.message).not.toContain('hush');
  });

  test('writes a log that only its owner may read, and says so when it cannot', async () => {
    const launched = options('dies-at-start.mjs');
    await failureOf(launch(launched));
    expect(statSync(launched.logFile).mode & 0o777).toBe(0o600);
    const error = await failureOf(launch({ ...launched, logFile: '/no/such/folder/x.log' }));
    expect(error).toMatchObject({ code: 'log', exitCode: 1 });
  });
});

function pidOrNull(logFile: string): number | null {
  try {
    return pidIn(logFile) || null;
  } catch {
    return null;
  }
}

describe('terminate', () => {
  test('ends what is left of the process group too', async () => {
    const launched = options('has-a-child.mjs');
    const grandchild = Number(await launch(launched));
    killAtEnd(grandchild);
    const pid = Number(statOf(grandchild)[1]);
    killAtEnd(pid);
    const ending = await terminate({ pid, isIt: () => identify(pid) !== null }, 10_000);
    expect(ending).toBe('terminated');
    await until('the group is gone', () => identify(grandchild) === null);
  });

  test('signals nothing that is not what it is taken for', async () => {
    const child = startDetached(options('never-ready.mjs'));
    const { pid = 0 } = child;
    killAtEnd(pid);
    expect(await terminate({ pid, isIt: () => false }, 100)).toBe('gone');
    expect(identify(pid)).not.toBeNull();
  });

  test('asks who it is again before SIGKILL', async () => {
    const launched = options('ignores-sigterm.mjs');
    const { pid = 0 } = startDetached(launched);
    killAtEnd(pid);
    await until('it lives', () => pidOrNull(launched.logFile));
    let asked = 0;
    const ending = await terminate({ pid, isIt: () => ++asked === 1 }, 100);
    expect(ending).toBe('terminated');
    expect(identify(pid)).not.toBeNull();
  });

  testWith(needs.root, 'takes EPERM for alive, ESRCH for gone', () => {
    const { pid = 0 } = spawn('sleep', ['60'], { uid: 12_345, stdio: 'ignore' });
    killAtEnd(pid);
    process.seteuid?.(65_534);
    try {
      expect(sendSignal(pid, 0)).toBe(true);
      expect(sendSignal(pid, 'SIGKILL')).toBe(true);
    } finally {
      process.seteuid?.(0);
    }
    expect(identify(pid)).not.toBeNull();
    expect(sendSignal(2 ** 22 + 1, 'SIGTERM')).toBe(false);
  });
});
