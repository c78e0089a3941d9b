import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { identify, thisMachine } from '../../src/process/identity.ts';
import { fleetName, kindOf } from '../../src/process/our-process.ts';
import {
  type Announced,
  announce as announceFor,
  findServer,
  forgetOtherRuns,
  runningHere,
} from '../../src/process/run-notes.ts';
import { bundleFixture } from '../helpers/bundle.ts';
import { killAtEnd, temporaryFolder } from '../helpers/cleanup.ts';
import { needs, testWith } from '../helpers/needs.ts';
import { until } from '../helpers/until.ts';

const fleet = { namespace: 'meow', redis: '127.0.0.1:6379/0' };
const server: Announced = { kind: 'server', id: 'abc234', ...fleet };

/** A process with the command line of meowctl, and the home of nobody unless one is given. */
async function sleeper(words: readonly string[], env: Record<string, string> = {}) {
  const args = ['-e', 'setInterval(() => {}, 1000)', '/opt/meowctl/bin/meowctl.js', ...words];
  const { pid = 0 } = spawn(process.execPath, args, { stdio: 'ignore', env });
  killAtEnd(pid);
  const running = () => identify(pid)?.commandLine.includes(words[0] ?? '');
  await until('it runs its program', running);
  return { pid, pidStart: identify(pid)?.start ?? '' };
}

/** Notes that it runs, until the test is over: what goes on noting would make its folder again. */
function announce(...given: Parameters<typeof announceFor>): () => void {
  const leave = announceFor(...given);
  onTestFinished(leave);
  return leave;
}

const quietly = { everyMs: 10_000, log: () => {} };
const notes = (home: string) => readdirSync(join(home, 'run'));
const pidsOf = (home: string) => runningHere(home, thisMachine(home)).map(({ pid }) => pid);

describe('what runs from a state folder', () => {
  test('is known by its notes, each checked against the system, and by nobody without one', async () => {
    const home = temporaryFolder();
    const one = await sleeper(['serve', '--id', 'abc234']);
    const two = await sleeper(['proxy', '--port', '1']);
    const run = thisMachine(home);
    const leave = announce(home, server, { ...run, ...one }, quietly);
    announce(home, { kind: 'proxy', id: null, ...fleet }, { ...run, ...two }, quietly);
    const { bootId, pidNs } = run;
    expect(findServer(home, 'abc234', run)).toEqual({ ...server, ...one, bootId, pidNs });
    expect(findServer(home, 'xyz234', run)).toBeNull();
    expect(pidsOf(home).sort()).toEqual([one.pid, two.pid].sort());
    expect(pidsOf(temporaryFolder())).toEqual([]);
    leave();
    expect(pidsOf(home)).toEqual([two.pid]);
  });

  test.each([
    ['that has ended', (it: { pid: number; pidStart: string }) => ({ ...it, pid: 2 ** 22 + 1 })],
    ['that started at another time', (it: { pid: number }) => ({ ...it, pidStart: '1' })],
    [
      'with another id on its command line',
      (it: { pid: number; pidStart: string }) => it,
      { ...server, id: 'zzz234' },
    ],
    [
      'that does something else',
      (it: { pid: number; pidStart: string }) => it,
      { ...server, kind: 'up', id: null } as const,
    ],
  ])('is not a process %s: its note is swept', async (_, change, what: Announced = server) => {
    const home = temporaryFolder();
    const run = thisMachine(home);
    const living = await sleeper(['serve', '--id', 'abc234']);
    announce(home, what, { ...run, ...living, ...change(living) }, quietly);
    expect(notes(home)).toHaveLength(1);
    expect(pidsOf(home)).toEqual([]);
    expect(notes(home)).toEqual([]);
  });

  test('is not what ran on another machine or in another container: that is left to itself', async () => {
    const home = temporaryFolder();
    const run = thisMachine(home);
    const living = await sleeper(['serve', '--id', 'abc234']);
    announce(home, server, { ...run, ...living, bootId: 'elsewhere' }, quietly);
    announce(home, server, { ...run, ...living, pidNs: 'pid:[1]' }, quietly);
    expect(pidsOf(home)).toEqual([]);
    expect(notes(home)).toHaveLength(2);
    forgetOtherRuns(home, run);
    expect(notes(home)).toEqual([]);
  });

  test('is not what somebody else wrote there', async () => {
    const home = temporaryFolder();
    mkdirSync(join(home, 'run'));
    for (const [at, text] of ['', 'null', '[]', '{"kind":"server","pid":"1"}'].entries()) {
      writeFileSync(join(home, 'run', `server-${at}.json`), text);
    }
    mkdirSync(join(home, 'run', 'up-1.json'));
    expect(pidsOf(home)).toEqual([]);
  });

  test('is found without any note, by command line and environment', async () => {
    const home = temporaryFolder();
    const run = thisMachine(home);
    const env = { MEOW_HOME: home, MEOW_NAMESPACE: 'other', REDIS_URL: 'redis://localhost' };
    const ours = await sleeper(['serve', '--id', 'abc234'], env);
    await sleeper(['serve', '--id', 'abc234'], { ...env, MEOW_HOME: `${home}2` });
    await sleeper(['ls'], env);
    const redis = '127.0.0.1:6379/0';
    const { bootId, pidNs } = run;
    const found = { kind: 'server', id: 'abc234', namespace: 'other', redis, bootId, pidNs };
    expect(runningHere(home, run)).toEqual([{ ...found, ...ours }]);
    expect(findServer(home, 'abc234', run)?.pid).toBe(ours.pid);
  });

  test('is told once when it cannot be noted, and nothing ends of it', () => {
    const home = join(temporaryFolder(), 'missing', 'home');
    const lines: string[] = [];
    const leave = announce(home, server, thisMachine(home), {
      everyMs: 10_000,
      log: (line) => lines.push(line),
    });
    leave();
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^meowctl: noting .*its parent folder ".*missing" is missing\. Make/);
  });

  test('keeps its notes for its owner alone, and leaves no draft', () => {
    const home = temporaryFolder();
    chmodSync(home, 0o700);
    announce(home, server, thisMachine(home), quietly);
    const stat = spawnSync('stat', [
      '-c',
      '%a',
      join(home, 'run'),
      join(home, 'run', notes(home)[0] ?? ''),
    ]);
    expect(String(stat.stdout).split('\n')).toEqual(['700', '600', '']);
    expect(notes(home)).toHaveLength(1);
    rmSync(join(home, 'run'), { recursive: true });
  });
});

describe('a command line', () => {
  test.each([
    ['node /x/bin/meowctl.js serve --id abc234 --spawned', { kind: 'server', id: 'abc234' }],
    ['node /usr/local/bin/meowctl serve --port 3001', { kind: 'server', id: null }],
    ['node /x/bin/meowctl.js --debug up -n 2', { kind: 'up', id: null }],
    ['node /x/bin/meowctl.js proxy', { kind: 'proxy', id: null }],
    ['node /x/bin/meowctl.js keep', { kind: 'keep', id: null }],
    ['node /x/bin/meowctl.js down', null],
    ['node /x/bin/meowctl.js', null],
    ['vi up serve', null],
    ['/bin/sh -c x meowctl 50 node up', null],
  ])('%s is known for what it is', (line, what) => {
    expect(kindOf(line.split(' '))).toEqual(what);
  });
});

describe('the name of a fleet', () => {
  test('has no password in it, and is the same for two spellings of this machine', () => {
    const redis = '127.0.0.1:6379/3';
    expect(fleetName('redis://:secret@localhost:6379/3', 'meow')).toEqual({
      namespace: 'meow',
      redis,
    });
    expect(fleetName('redis://127.0.0.1/3', 'meow')).toEqual({ namespace: 'meow', redis });
    expect(fleetName(null, 'meow')).toEqual({ namespace: 'meow', redis: null });
    expect(fleetName('nonsense', 'meow')).toEqual({ namespace: 'meow', redis: null });
  });
});

testWith(needs.pidNamespace, 'a signal to process 1 reaches nobody else', async () => {
  const program = await bundleFixture('signals-process-one.ts');
  const args = ['-pf', '--mount-proc', process.execPath, program.file];
  const { stdout, stderr } = spawnSync('unshare', args, { encoding: 'utf8', timeout: 250_000 });
  program.remove();
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toEqual({ pid: 1, heard: ['SIGTERM', 'SIGTERM'], neighbour: true });
});
