import { spawn } from 'node:child_process';
import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { defaults } from '../../src/defaults.ts';
import { logPath, markNamespace, rawLogPath } from '../../src/logs/files.ts';
import { type FollowOptions, followLogs } from '../../src/logs/follow.ts';
import { RotatingLog } from '../../src/logs/rotating-log.ts';
import { lastLines, loggedIds, type Selection, ServerLog } from '../../src/logs/server-log.ts';
import { bundleFixture } from '../helpers/bundle.ts';
import { temporaryFolder } from '../helpers/cleanup.ts';
import { until } from '../helpers/until.ts';

const ALL: Selection = { count: 1_000_000, since: null, stream: null };

function newHome(): string {
  const home = temporaryFolder();
  mkdirSync(join(home, 'logs'));
  return home;
}

/** A server's log on a clock that the test sets. */
function logOf(home: string, id: string, logMaxBytes = 10_000_000) {
  let at = '';
  const log = new RotatingLog(logPath(home, id), { ...defaults, logMaxBytes }, () => new Date(at));
  return (time: string, ...lines: string[]) => {
    at = `2026-03-01T12:${time}.000Z`;
    log.write(lines.map((line) => `${line}\n`).join(''));
  };
}

function last(
  home: string,
  wanted: Partial<Selection> = {},
  ids = loggedIds(home, 'meow', 'meow'),
): string[] {
  const reading = { from: 'end', logFiles: 5, onDenied: () => {} } as const;
  const logs = ids.map((id) => new ServerLog(home, id, reading));
  const lines = lastLines(logs, { ...ALL, ...wanted });
  for (const log of logs) log.close();
  return lines.map(({ id, line }) => `${id[0]} ${line}`);
}

/** What following gives, as it grows; ended with the test. */
function follow(home: string, options: Partial<FollowOptions> = {}): string[] {
  const got: string[] = [];
  const stopping = new AbortController();
  const done = (async () => {
    const whose = { ids: null, namespace: 'meow', usualNamespace: 'meow', onDenied: () => {} };
    const all = { ...defaults, ...whose, ...ALL, ...options, signal: stopping.signal };
    for await (const batch of followLogs(home, all)) {
      got.push(...batch.map(({ id, line }) => `${id[0]} ${line}`));
    }
  })();
  onTestFinished(() => {
    stopping.abort();
    return done;
  });
  return got;
}

describe('the last lines', () => {
  test('of several servers come by time, whoever said them', () => {
    const home = newHome();
    const [a, b] = [logOf(home, 'aaaaaa'), logOf(home, 'bbbbbb')];
    a('00:01', 'one');
    b('00:02', 'two', 'two again');
    a('00:03', 'three');
    expect(last(home)).toEqual(['a one', 'b two', 'b two again', 'a three']);
    expect(last(home, { count: 2 })).toEqual(['b two again', 'a three']);
    expect(last(home, { count: 0 })).toEqual([]);
    expect(last(home, { since: '2026-03-01T12:00:02.000Z' })).toEqual(last(home).slice(1));
    expect(last(home, {}, ['bbbbbb'])).toEqual(['b two', 'b two again']);
  });

  test('come from all files of a log, and from far back in a big one', () => {
    const home = newHome();
    const rotated = logOf(home, 'aaaaaa', 300);
    const numbers = Array.from({ length: 30 }, (_, at) => `a ${at}`);
    for (const line of numbers) rotated('00:01', line.slice(2));
    expect(last(home, { count: 20 })).toEqual(numbers.slice(-20));

    const big = newHome();
    const write = logOf(big, 'bbbbbb');
    const long = Array.from({ length: 3_000 }, (_, at) => `${at} ${'🐱'.repeat(at % 90)}`);
    write('00:01', ...long, '');
    expect(last(big)).toEqual([...long.map((line) => `b ${line}`), 'b ']);
  });

  test('hold what went past the log, at the time of its file', () => {
    const home = newHome();
    logOf(home, 'aaaaaa')('00:01', 'one');
    writeFileSync(rawLogPath(home, 'aaaaaa'), 'FATAL ERROR: heap\nstack');
    expect(last(home)).toEqual(['a one', 'a FATAL ERROR: heap', 'a stack']);
  });

  test('tell stdout and stderr apart, and what went past the log is stderr', () => {
    const home = newHome();
    const log = new RotatingLog(logPath(home, 'aaaaaa'), defaults);
    log.write('out\n', 'out');
    log.write('err\n', 'err');
    log.write('! out\n', 'out');
    log.close();
    writeFileSync(rawLogPath(home, 'aaaaaa'), 'raw\n');
    expect(last(home, { stream: 'stdout' })).toEqual(['a out', 'a ! out']);
    expect(last(home, { stream: 'stderr' })).toEqual(['a err', 'a raw']);
    expect(last(home, { stream: 'stdout', count: 1 })).toEqual(['a ! out']);
  });

  test('are of one namespace; a log without a mark is of the default one', () => {
    const home = newHome();
    const say = (id: string) => logOf(home, id)('01:00', 'meow');
    for (const id of ['aaaaaa', 'bbbbbb', 'cccccc']) say(id);
    markNamespace(home, 'bbbbbb', 'other.one', 'meow');
    markNamespace(home, 'cccccc', 'meow', 'meow');
    markNamespace(home, 'dddddd', 'other.one', 'meow');
    expect(loggedIds(home, 'meow', 'meow')).toEqual(['aaaaaa', 'cccccc']);
    expect(loggedIds(home, 'other.one', 'meow')).toEqual(['bbbbbb']);
    expect(loggedIds(home, 'one', 'meow')).toEqual([]);
  });

  test('are none where there is no log, and only servers have one', () => {
    const home = newHome();
    for (const name of ['up.log', 'aaaaaa.txt', 'AAAAAA.log', 'aaaaaa.log.bak']) {
      writeFileSync(join(home, 'logs', name), 'meow\n');
    }
    expect(loggedIds(home, 'meow', 'meow')).toEqual([]);
    expect(loggedIds('/no/such/home', 'meow', 'meow')).toEqual([]);
    expect(last(home, {}, ['aaaaaa'])).toEqual([]);
  });
});

describe('following', () => {
  test('gives the last lines once, then each new one, those of new servers too', async () => {
    const home = newHome();
    const a = logOf(home, 'aaaaaa');
    a('00:01', 'old', 'one');
    const got = follow(home, { count: 1 });
    await until('the last line is there', () => got.length === 1);
    a('00:02', 'two');
    await until('a new line is there', () => got.length === 2);
    logOf(home, 'bbbbbb')('00:01', 'born', 'alive');
    await until('a new server is there', () => got.length === 4);
    expect(got).toEqual(['a one', 'a two', 'b born', 'b alive']);
  });

  test('of one server gives nobody else', async () => {
    const home = newHome();
    const [a, b] = [logOf(home, 'aaaaaa'), logOf(home, 'bbbbbb')];
    a('00:01', 'one');
    const got = follow(home, { ids: ['aaaaaa'] });
    await until('the last line is there', () => got.length === 1);
    b('00:02', 'not me');
    a('00:03', 'two');
    await until('a new line is there', () => got.length === 2);
    expect(got).toEqual(['a one', 'a two']);
  });

  test('goes on in the new file after one was removed, or emptied', async () => {
    const home = newHome();
    const a = logOf(home, 'aaaaaa');
    a('00:01', 'one, the longest');
    const got = follow(home);
    await until('the last line is there', () => got.length === 1);
    rmSync(logPath(home, 'aaaaaa'));
    a('00:02', 'two');
    await until('a line of the new file is there', () => got.length === 2);
    truncateSync(logPath(home, 'aaaaaa'));
    a('00:03', 't');
    await until('a line of the emptied file is there', () => got.length === 3);
    expect(got).toEqual(['a one, the longest', 'a two', 'a t']);
  });

  test('does not repeat what older files hold when the newest is removed', async () => {
    const home = newHome();
    const a = logOf(home, 'aaaaaa', 300);
    for (let at = 0; at < 30; at++) a('00:01', `old ${at}`);
    const got = follow(home, { count: 0 });
    await until('it follows', async () => {
      a('00:02', 'begin');
      return got.length > 0;
    });
    rmSync(logPath(home, 'aaaaaa'));
    a('00:03', 'new');
    await until('the new line is there', () => got.includes('a new'));
    expect(got.filter((line) => line.includes('old'))).toEqual([]);
  });

  test('under a firehose misses no line over three rotations', async () => {
    const bundle = await bundleFixture('log-firehose.ts');
    onTestFinished(bundle.remove);
    const home = newHome();
    const got = follow(home);
    const total = 300_000;
    const hose = spawn(process.execPath, [bundle.file, logPath(home, 'aaaaaa'), String(total)]);
    onTestFinished(() => {
      hose.kill('SIGKILL');
    });
    await until('all lines are there', () => got.length >= total);
    const wrong = got.filter((line, at) => !line.startsWith(`a ${at} meow`));
    expect(wrong.slice(0, 3)).toEqual([]);
    expect(got.length).toBe(total);
  });
});
