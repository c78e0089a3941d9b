import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isEnvDigest } from '../model/app-spec.ts';
import { removeFile } from '../state/whole-file.ts';
import { sweepEnv } from './kept-values.ts';

/**
 * Removes the values of apps that nothing wanted here refers to, in any list of this folder: not in
 * one that was set aside, nor in a file that is damaged.
 */
export function sweepValues(home: string, keepMs: number): string[] {
  try {
    return sweepEnv(home, () => digestsIn(home), keepMs);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return []; // a file that cannot be read or removed now: no reason for a spawn to fail
  }
}

/** The digests of all values that are kept here. */
export function keptDigests(home: string): Set<string> {
  const folder = join(home, 'env');
  const names = existsSync(folder) ? readdirSync(folder) : [];
  return new Set(names.map((name) => name.replace(/\.json$/, '')).filter(isEnvDigest));
}

/** Removes values that were kept for what did not come about, since somebody noted `before`. */
export function dropNewValues(
  home: string,
  before: ReadonlySet<string>,
  digests: Iterable<string>,
) {
  const inUse = digestsIn(home);
  for (const digest of new Set(digests)) {
    if (!before.has(digest) && !inUse.has(digest)) removeFile(join(home, 'env', `${digest}.json`));
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
