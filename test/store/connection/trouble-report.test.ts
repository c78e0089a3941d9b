import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { StoreError, type StoreErrorKind } from '../../../src/errors.ts';
import { createTroubleReport } from '../../../src/store/connection/trouble-report.ts';

const trouble = (kind: StoreErrorKind, message: string) => new StoreError(kind, message, 'Wait');
const ROUND_MS = 1_100; // lines are a second apart at least

function openReport(slept = () => false) {
  const lines: string[] = [];
  const report = createTroubleReport({
    begins: ({ message }) => message,
    over: () => 'it is back',
    say: (line) => lines.push(line),
    slept,
  });
  return { lines, report };
}

describe('what is wrong with Redis', () => {
  test('is one line when it begins, however often it fails, and one when it is over', () => {
    const { lines, report } = openReport();
    for (const message of ['it is gone', 'it is still gone']) {
      report.trouble(trouble('unavailable', message));
    }
    report.well();
    report.well();
    expect(lines).toEqual(['it is gone', 'it is back']);
  });

  test('is not said where it was over within a second of the last line', () => {
    const { lines, report } = openReport();
    for (let blips = 0; blips < 5; blips++) {
      report.trouble(trouble('unavailable', 'it is gone'));
      report.well();
    }
    expect(lines).toEqual(['it is gone', 'it is back']);
  });

  test('is said anew when who was away now refuses', async () => {
    const { lines, report } = openReport();
    report.trouble(trouble('unavailable', 'it is gone'));
    await pause(ROUND_MS);
    report.trouble(trouble('refused', 'it wants a password'));
    report.well();
    expect(lines).toEqual(['it is gone', 'it wants a password', 'it is back']);
  });

  test('is not said while this process has just woken, and is if it lasts', () => {
    let slept = true;
    const { lines, report } = openReport(() => slept);
    report.trouble(trouble('unavailable', 'it is gone'));
    report.well();
    expect(lines).toEqual([]);
    report.trouble(trouble('unavailable', 'it is gone'));
    slept = false;
    report.trouble(trouble('unavailable', 'it is gone'));
    expect(lines).toEqual(['it is gone']);
  });
});
