import { accessSync, constants, existsSync, mkdirSync, type Stats, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve, sep } from 'node:path';
import { FailedError } from '../errors.ts';
import { quote } from '../text.ts';

const OTHERS_MAY_WRITE = 0o002;
const CHOOSE = 'set MEOW_HOME to a folder of your own';

/**
 * Makes the state folder with `logs` in it, for its owner alone. Parents are made only inside the
 * user's own home: elsewhere a missing one is more likely a slip.
 * @throws FailedError naming the folder; then nothing was written
 */
export function prepareStateFolder(home: string): void {
  makeFolder(home, { parents: insideOwnHome(home) });
  mustBeOurs(home);
  makeFolder(join(home, 'logs'));
}

/** Makes one folder for its owner alone, if it is not there. */
export function makeFolder(path: string, { parents = false } = {}): void {
  try {
    if (!existsSync(path)) mkdirSync(path, { mode: 0o700, recursive: parents });
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST') throw cannotUse(path, code ?? 'unknown', error);
  }
}

function insideOwnHome(path: string): boolean {
  const own = ownHome();
  return (
    own !== null && existsSync(own) && resolve(path).startsWith(own.endsWith(sep) ? own : own + sep)
  );
}

// A user without an entry in passwd, in a container, has none.
function ownHome(): string | null {
  try {
    return homedir();
  } catch (error) {
    if (typeof (error as NodeJS.ErrnoException).code === 'string') return null;
    throw error;
  }
}

function mustBeOurs(home: string): void {
  const found = look(home);
  if (!found.isDirectory()) throw cannotUse(home, 'ENOTDIR');
  const us = process.geteuid?.() ?? found.uid;
  if (found.uid !== us) {
    const owner = `it belongs to user ${found.uid}, not to user ${us}`;
    throw unusable(home, owner, `Run as that user, or ${CHOOSE}`);
  }
  if (found.mode & OTHERS_MAY_WRITE) {
    throw unusable(home, 'everybody may write to it', `chmod 700 it, or ${CHOOSE}`);
  }
}

function look(path: string): Stats {
  try {
    return statSync(path);
  } catch (error) {
    throw cannotUse(path, (error as NodeJS.ErrnoException).code ?? 'unknown', error);
  }
}

function cannotUse(path: string, code: string, cause?: unknown): FailedError {
  const parent = dirname(resolve(path));
  if (code === 'ENOENT') {
    const missing = `its parent folder ${quote(parent)} is missing`;
    return unusable(path, missing, `Make that folder, or ${CHOOSE}`, cause);
  }
  return unusable(path, whys[code] ?? code, `Check who owns it, or ${CHOOSE}`, cause);
}

const whys: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of its user is used up',
  ENAMETOOLONG: 'its name is too long',
  ENOTDIR: 'it is not a folder, or is inside something that is not',
};

function unusable(path: string, why: string, remedy: string, cause?: unknown): FailedError {
  return new FailedError('state-folder', `state folder ${quote(path)}: ${why}`, remedy, { cause });
}
