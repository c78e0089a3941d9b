import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { defaults } from '../../src/defaults.ts';
import { type LogLimits, RotatingLog } from '../../src/logs/rotating-log.ts';
import { bundleFixture } from '../helpers/bundle.ts';
import { temporaryFolder } from '../helpers/cleanup.ts';
import { needs, testWith, thorough } from '../helpers/needs.ts';

const STAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z!? /;
const MIB = 1_024 * 1_024;

/** A log's lines over all its files, the oldest first, without their times; fails on a line without one. */
function linesOf(path: string): string[] {
  const files = [...[4, 3, 2, 1].map((at) => `${path}.${at}`), path].filter(existsSync);
  return files.flatMap((file) => {
    const text = readFileSync(file, 'utf8');
    if (text !== '') expect(text.endsWith('\n'), `${file} ends in a torn line`).toBe(true);
    return text.split('\n').slice(0, -1).map(unstamped);
  });
}

function unstamped(line: string): string {
  if (!STAMP.test(line)) throw new Error(`no time in front: ${line.slice(0, 80)}`);
  return line.replace(STAMP, '');
}

function newLog(limits: Partial<LogLimits> = {}, now?: () => Date) {
  const path = join(temporaryFolder(), 'abc234.log');
  const log = new RotatingLog(path, { ...defaults, ...limits }, now);
  onTestFinished(() => log.close());
  return { path, log };
}

describe('a rotating log', () => {
  test('puts the time in front of each line, and only its owner may read it', () => {
    const { path, log } = newLog({}, () => new Date('2026-03-01T12:00:00.250Z'));
    log.write('one\ntwo\n');
    log.write(Buffer.from('miau 🐱\n\n'));
    const at = '2026-03-01T12:00:00.250Z';
    expect(readFileSync(path, 'utf8')).toBe(`${at} one\n${at} two\n${at} miau 🐱\n${at} \n`);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test('joins a line that comes in pieces, even in the middle of a character', () => {
    const { path, log } = newLog();
    const cat = Buffer.from('🐱 purrs\n');
    for (const byte of cat) log.write(Uint8Array.of(byte));
    expect(linesOf(path)).toEqual(['🐱 purrs']);
  });

  test('never joins what stdout and stderr have begun', () => {
    const { path, log } = newLog();
    log.write('out be', 'out');
    log.write('err be', 'err');
    log.write('gins\n', 'out');
    log.write('gins\n', 'err');
    expect(linesOf(path)).toEqual(['out begins', 'err begins']);
  });

  test('stores an unfinished line when it is closed', () => {
    const { path, log } = newLog();
    log.write('last words');
    expect(existsSync(path)).toBe(false);
    log.close();
    expect(linesOf(path)).toEqual(['last words']);
  });

  test('stores a line longer than the limit as several, and holds no more of it in memory', () => {
    const { path, log } = newLog({ logMaxLineBytes: 1_000 });
    log.write('x'.repeat(2_500));
    log.write(`y\n${'z'.repeat(1_001)}\n`);
    expect(linesOf(path).map((line) => line.length)).toEqual([1_000, 1_000, 500, 1, 1_000, 1]);
  });

  test('keeps five files, drops the oldest, and splits a chunk between lines', () => {
    const { path, log } = newLog({ logMaxBytes: 200 });
    log.write(Array.from({ length: 50 }, (_, at) => `line ${at}\n`).join(''));
    const names = readdirSync(join(path, '..')).sort();
    expect(names).toEqual(['', '.1', '.2', '.3', '.4'].map((end) => `abc234.log${end}`));
    for (const name of names)
      expect(statSync(join(path, '..', name)).size).toBeLessThanOrEqual(200);
    const kept = linesOf(path);
    expect(kept).toEqual(Array.from({ length: 50 }, (_, at) => `line ${at}`).slice(-kept.length));
    expect(kept.length).toBeGreaterThan(20);
  });

  test('that two processes write has every line, in order, and outgrows no file', () => {
    const line = 'x'.repeat(20);
    const logMaxBytes = 5 * `2026-03-01T12:00:00.250Z ${line} 10\n`.length;
    const limits = { logMaxBytes, logIsShared: true };
    const { path, log } = newLog(limits);
    const other = new RotatingLog(path, { ...defaults, ...limits });
    onTestFinished(() => other.close());
    const numbers = Array.from({ length: 20 }, (_, at) => at + 10);
    for (const number of numbers) (number % 3 === 0 ? other : log).write(`${line} ${number}\n`);
    expect(linesOf(path)).toEqual(numbers.map((number) => `${line} ${number}`));
    for (const file of [path, `${path}.1`]) {
      expect(statSync(file).size).toBeLessThanOrEqual(logMaxBytes);
    }
  });

  test.runIf(thorough)(
    'under a firehose of 100 MB stays under 50 MiB, without a gap and without a torn line',
    async () => {
      const bundle = await bundleFixture('log-firehose.ts');
      onTestFinished(bundle.remove);
      const path = join(temporaryFolder(), 'abc234.log');
      const total = 1_000_000;
      execFileSync(process.execPath, [bundle.file, path, String(total)]);
      const files = readdirSync(join(path, '..'));
      const bytes = files.map((name) => statSync(join(path, '..', name)).size);
      expect(Math.max(...bytes)).toBeLessThanOrEqual(10 * MIB);
      expect(bytes.reduce((sum, size) => sum + size)).toBeLessThanOrEqual(50 * MIB);
      expect(bytes.reduce((sum, size) => sum + size)).toBeGreaterThan(45 * MIB - 100);
      const lines = linesOf(path);
      const first = total - lines.length;
      const wrong = lines.filter((line, at) => {
        const number = first + at;
        return line !== `${number} ${'meow'.repeat(20 + (number % 7))} ${number}`;
      });
      expect(wrong.slice(0, 3)).toEqual([]);
    },
  );
});

describe('a rotating log in trouble', () => {
  test('goes on in a new file when its own was removed', () => {
    const { path, log } = newLog();
    log.write('one\n');
    rmSync(path);
    log.write('two\n');
    expect(linesOf(path)).toEqual(['two']);
  });

  test('goes on at the beginning when its file was emptied', () => {
    const { path, log } = newLog();
    log.write('one\n');
    truncateSync(path);
    log.write('two\n');
    expect(linesOf(path)).toEqual(['two']);
  });

  test('loses lines while its folder is away, and says how many when it is back', () => {
    const folder = temporaryFolder();
    const logs = join(folder, 'logs');
    const log = new RotatingLog(join(logs, 'abc234.log'), defaults);
    log.write('one\ntwo\n');
    mkdirSync(logs);
    log.write('three\n');
    log.close();
    expect(linesOf(join(logs, 'abc234.log'))).toEqual(['meowctl: lines lost: 2 (ENOENT)', 'three']);
  });

  test('does not mind /dev/full', () => {
    const { path, log } = newLog();
    symlinkSync('/dev/full', path);
    for (let at = 0; at < 3; at++) log.write(`lost ${at}\n`);
    renameSync(path, `${path}.away`);
    log.write('stored\n');
    rmSync(`${path}.away`);
    expect(linesOf(path)).toEqual(['meowctl: lines lost: 3 (ENOSPC)', 'stored']);
  });

  testWith(needs.mount, 'on a full disk tears no line, and goes on when there is room', () => {
    const disk = temporaryFolder();
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', disk]);
    onTestFinished(() => {
      execFileSync('umount', [disk]);
    });
    const path = join(disk, 'abc234.log');
    const log = new RotatingLog(path, defaults);
    writeFileSync(join(disk, 'ballast'), Buffer.alloc(100_000));
    for (let at = 0; at < 5_000; at++) log.write(`${at} ${'x'.repeat(100)}\n`);
    const stored = linesOf(path).length;
    expect(stored).toBeGreaterThan(500);
    expect(stored).toBeLessThan(2_000);
    rmSync(join(disk, 'ballast'));
    log.write('room again\n');
    log.close();
    const lines = linesOf(path);
    expect(lines.slice(0, stored).map((line) => line.split(' ')[0])).toEqual(
      Array.from({ length: stored }, (_, at) => String(at)),
    );
    expect(lines.slice(stored)).toEqual([
      `meowctl: lines lost: ${5_000 - stored} (ENOSPC)`,
      'room again',
    ]);
  });

  test('has five files of 10 MiB unless told otherwise', () => {
    expect([defaults.logFiles, defaults.logMaxBytes]).toEqual([5, 10 * MIB]);
  });
});
