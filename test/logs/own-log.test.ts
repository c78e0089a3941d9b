import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { logPath, rawLogPath } from '../../src/logs/files.ts';
import { startDetached } from '../../src/process/launcher.ts';
import { hasEnded } from '../../src/process/terminate.ts';
import { type Bundle, bundleFixture } from '../helpers/bundle.ts';
import { killAtEnd, temporaryFolder } from '../helpers/cleanup.ts';
import { until } from '../helpers/until.ts';

const ID = 'abc234';
let bundle: Bundle;

beforeAll(async () => {
  bundle = await bundleFixture('keeps-own-log.ts');
});
afterAll(() => bundle.remove());

/** Started as a server is: its descriptors are the raw log. */
function start(what: string) {
  const home = temporaryFolder();
  mkdirSync(join(home, 'logs'));
  const raw = rawLogPath(home, ID);
  const child = startDetached({
    command: process.execPath,
    args: [bundle.file, home, ID, what],
    env: {},
    cwd: home,
    logFile: logPath(home, ID),
    rawLogFile: raw,
  });
  killAtEnd(child.pid ?? 0);
  const ended = () => until('it has ended', () => hasEnded(child));
  const log = () => {
    const lines = readFileSync(logPath(home, ID), 'utf8').trimEnd().split('\n');
    return lines.map((line) => line.slice('2026-01-01T00:00:00.000Z'.length).trimStart());
  };
  return { ended, log, raw };
}

describe('a process that keeps its own log', () => {
  test('finds there what it prints, whatever way it prints it, to the last word', async () => {
    const { ended, log, raw } = start('prints');
    await ended();
    expect(log()).toEqual([
      'to stdout',
      '! to stderr',
      'in pieces',
      '! hello there',
      'called back',
      'unfinished',
    ]);
    expect(readFileSync(raw, 'utf8')).toBe('');
  });

  test('leaves its crash in the raw log', async () => {
    const { ended, log, raw } = start('throws');
    await ended();
    expect(log()).toEqual(['before']);
    expect(readFileSync(raw, 'utf8')).toContain('Error: boom');
  });

  test('empties the raw log at its beat when that is too big', async () => {
    const { raw } = start('writesRaw');
    await until('the raw log is big', () => statSync(raw).size > 2_000_000);
    await until('the raw log is small', () => statSync(raw).size === 0);
  });
});
