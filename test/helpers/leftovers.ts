import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './until.ts';

/**
 * Gives the whole run a folder of its own for temporary files. Every process a test starts carries
 * it in its environment, so at the end both are told by it: what is left fails the run.
 */
export default function watchForLeftovers() {
  // Each project of vitest asks, all of them in one process.
  if (process.env.MEOW_TEST_RUN) return;
  process.env.MEOW_TEST_RUN = String(process.pid);
  const folder = mkdtempSync(join(tmpdir(), 'meow-test-run-'));
  chmodSync(folder, 0o755); // some tests go on as another user
  process.env.TMPDIR = folder;
  return async () => {
    let left: string[] = [];
    const areGone = () => {
      left = [...filesIn(folder), ...processesOf(folder)];
      return left.length === 0;
    };
    const gone = await until('nothing is left', areGone).catch(() => false);
    rmSync(folder, { recursive: true, force: true });
    if (gone) return;
    process.exitCode = 1; // what a teardown throws is only printed
    throw new Error(`the tests left behind:\n${left.join('\n')}`);
  };
}

// Node keeps compiled modules in a folder of its own, beside what programs ask it to keep.
function filesIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name !== 'node-compile-cache')
    .map((name) => `file ${join(folder, name)}`);
}

function processesOf(folder: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        const isOurs = readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`TMPDIR=${folder}\0`);
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return isOurs ? [`process ${pid}: ${command}`] : [];
      } catch {
        return []; // it ended while we looked
      }
    });
}
