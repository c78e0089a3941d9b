import { randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { withoutSystem } from '../expected-errors.ts';
import { prepareStateFolder } from './folder.ts';
import { readIfAny, removeFile, writeOnce } from './whole-file.ts';

const TOKEN = /^[A-Za-z0-9_-]{43}$/;
const BYTES = 32;
const ANYBODY_ELSE = 0o077;

/** The token that the page and the JSON API change things by; null where none is kept yet. */
export function keptAdminToken(home: string): string | null {
  const path = fileOf(home);
  const text = readIfAny(path);
  return TOKEN.test(text) && isPrivate(path) ? text : null;
}

/**
 * The same, made where there is none; all doors of a state folder share it. One that others can read
 * is replaced.
 * @throws FailedError naming the folder or the file
 */
export function ensureAdminToken(home: string): string {
  const known = keptAdminToken(home);
  if (known !== null) return known;
  prepareStateFolder(home);
  const path = fileOf(home);
  removeFile(path);
  const fresh = randomBytes(BYTES).toString('base64url');
  return writeOnce(path, fresh) ? fresh : ensureAdminToken(home);
}

function fileOf(home: string): string {
  return join(home, 'admin-token');
}

function isPrivate(path: string): boolean {
  try {
    return (statSync(path).mode & ANYBODY_ELSE) === 0;
  } catch (error) {
    return withoutSystem(false)(error);
  }
}
