import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from './folder.ts';
import { writeWhole } from './whole-file.ts';

/*
 * Which registry answered at which address when this host last looked. Another one there than
 * before is an emptied Redis, unless it is known from another address.
 */

/** @param address of Redis and namespace together */
export function knownRegistry(home: string, address: string): string | null {
  return read(join(folder(home), fileOf(address)));
}

export function isKnownElsewhere(home: string, address: string, registry: string): boolean {
  const others = names(folder(home)).filter((name) => name !== fileOf(address));
  return others.some((name) => read(join(folder(home), name)) === registry);
}

export function rememberRegistry(home: string, address: string, registry: string): void {
  if (knownRegistry(home, address) === registry) return;
  makeFolder(folder(home));
  writeWhole(join(folder(home), fileOf(address)), registry);
}

function folder(home: string): string {
  return join(home, 'registries');
}

function fileOf(address: string): string {
  return createHash('sha256').update(address).digest('hex');
}

function read(path: string): string | null {
  return orNull(() => readFileSync(path, 'utf8'));
}

function names(path: string): string[] {
  return orNull(() => readdirSync(path)) ?? [];
}

function orNull<T>(look: () => T): T | null {
  try {
    return look();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
