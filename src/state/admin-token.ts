import { randomBytes } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FailedError } from '../errors.ts';
import { withoutSystem } from '../expected-errors.ts';
import { quote } from '../text.ts';
import { prepareStateFolder } from './folder.ts';
import { removeFile, writeOnce } from './whole-file.ts';

const TOKEN = /^[A-Za-z0-9_-]{43}$/;
const BYTES = 32;
const ANYBODY_ELSE = 0o077;
const MOST_BYTES = 100;
/** Others may make one at the same time, and take it away again; that does not go on for ever. */
const TRIES = 5;

/** The token that the page and the JSON API change things by; null where none is kept yet. */
export function keptAdminToken(home: string): string | null {
  const text = readPrivate(fileOf(home));
  return TOKEN.test(text) ? text : null;
}

/**
 * The same, made where there is none; all doors of a state folder share it. One that others can read
 * is replaced.
 * @throws FailedError naming the folder or the file
 */
export function ensureAdminToken(home: string): string {
  const path = fileOf(home);
  for (let tried = 0; tried < TRIES; tried++) {
    const known = keptAdminToken(home);
    if (known !== null) return known;
    prepareStateFolder(home);
    removeFile(path);
    const fresh = randomBytes(BYTES).toString('base64url');
    if (writeOnce(path, fresh)) return fresh;
  }
  const message = `${quote(path)} is in the way, and cannot be removed`;
  throw new FailedError('token', message, 'Remove it, and open the door again');
}

function fileOf(home: string): string {
  return join(home, 'admin-token');
}

/** Empty for all but a small file of our own that nobody else may read: no link, no pipe. */
function readPrivate(path: string): string {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  let file = -1;
  try {
    file = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    const found = fstatSync(file);
    const isOurs = found.uid === (process.geteuid?.() ?? found.uid);
    const isPrivate = isOurs && (found.mode & ANYBODY_ELSE) === 0;
    return found.isFile() && isPrivate && found.size <= MOST_BYTES
      ? readFileSync(file, 'utf8')
      : '';
  } catch (error) {
    return withoutSystem('')(error);
  } finally {
    if (file !== -1) closeSync(file);
  }
}
