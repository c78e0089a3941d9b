import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sweepEnv } from './kept-values.ts';

/**
 * Removes the values of apps that nothing wanted here refers to, in any list of this folder: not in
 * one that was set aside, nor in a file that is damaged.
 */
export function sweepValues(home: string): string[] {
  try {
    return sweepEnv(home, () => digestsIn(home));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return []; // a file that cannot be read or removed now: no reason for a spawn to fail
  }
}

function digestsIn(home: string): Set<string> {
  const lists = readdirSync(home).filter((name) => name.startsWith('wanted'));
  const texts = lists.flatMap((name) => textsIn(join(home, name)));
  const found = texts.flatMap((text) => [...text.matchAll(/"envDigest":"([0-9a-f]{64})"/g)]);
  return new Set(found.map(([, digest = '']) => digest));
}

function textsIn(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'));
}
