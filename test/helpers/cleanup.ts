import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { identify } from '../../src/process/identity.ts';
import { until } from './until.ts';

/** A folder that is removed when the test has ended. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'meow-test-fleet-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Kills one process when the test has ended, and waits until it is gone. */
export function killAtEnd(pid: number): void {
  onTestFinished(async () => {
    const { start } = identify(pid) ?? {};
    if (start === undefined) return;
    process.kill(pid, 'SIGKILL');
    await until(`${pid} is gone`, () => identify(pid)?.start !== start);
  });
}
