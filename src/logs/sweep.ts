import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Registry } from '../store/store.ts';
import { idOfFile, logFiles } from './server-log.ts';

/**
 * Removes the logs of servers that are long gone: nothing of theirs was written for `keepMs` (a
 * living server marks its log even when it says nothing), and nobody knows them. The registry is
 * asked only when there is an old log.
 * @param nowMs by the host's clock, which dates files
 * @returns the ids whose logs were removed
 */
export async function sweepLogs(
  home: string,
  registry: Pick<Registry, 'fleet'>,
  keepMs: number,
  nowMs: number = Date.now(),
): Promise<string[]> {
  const old = [...filesById(home)].filter(([, files]) =>
    files.every((file) => nowMs - writtenAt(file) > keepMs),
  );
  if (old.length === 0) return [];
  const { servers, desiredServers } = await registry.fleet();
  const known = new Set([...servers.map(({ record }) => record.id), ...desiredServers.keys()]);
  const gone = old.filter(([id]) => !known.has(id));
  return gone.filter(([, files]) => files.map(remove).every(Boolean)).map(([id]) => id);
}

// What cannot be removed stays for the next sweep: no reason for a spawn to fail.
function remove(file: string): boolean {
  try {
    rmSync(file, { force: true });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return false;
  }
}

function filesById(home: string): Map<string, string[]> {
  const files = new Map<string, string[]>();
  for (const name of logFiles(home)) {
    const id = idOfFile(name);
    if (id !== null) files.set(id, [...(files.get(id) ?? []), join(home, 'logs', name)]);
  }
  return files;
}

// Another sweep may have been quicker.
function writtenAt(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
