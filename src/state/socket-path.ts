import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { FailedError } from '../errors.ts';
import { quote, systemReason } from '../text.ts';
import { makeFolder } from './folder.ts';

/** A Unix socket's path has 104 bytes on macOS and 108 on Linux, its end included. */
const MAX_BYTES = 100;
/** Not `TMPDIR`: whoever looks for a socket must look where it was bound. */
const TEMPORARY = '/tmp';
const OTHERS = 0o077;

/**
 * Where a Unix socket of a state folder is bound: in it, or, where that path is too long for one or
 * otherwise unfit, in a folder of ours under the temporary one. Its folder is made, for its owner alone.
 * @param home a state folder that is there
 * @param name may have one folder in it
 * @param isFit what else a path must be
 * @throws FailedError where that folder cannot be made, or is somebody else's
 */
export function socketPath(
  home: string,
  name: string,
  isFit: (path: string) => boolean = () => true,
): string {
  const real = realpathSync(home);
  const usual = join(real, name);
  const fits = Buffer.byteLength(usual) <= MAX_BYTES && isFit(usual);
  const path = fits ? usual : join(shortFolder(real), name);
  makeFolder(dirname(path));
  return path;
}

function shortFolder(home: string): string {
  const all = join(TEMPORARY, `meowctl-${process.geteuid?.() ?? 'user'}`);
  const own = join(all, createHash('sha256').update(home).digest('hex').slice(0, 20));
  for (const path of [all, own]) {
    makePrivate(path);
    mustBePrivate(path);
  }
  return own;
}

function makePrivate(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST') throw cannotBind(path, systemReason(error), error);
  }
}

// Anybody may make a folder of that name there before us.
function mustBePrivate(path: string): void {
  const found = lstatSync(path);
  const us = process.geteuid?.() ?? found.uid;
  if (found.isDirectory() && found.uid === us && (found.mode & OTHERS) === 0) return;
  throw cannotBind(path, 'it is not a folder that is yours alone');
}

function cannotBind(path: string, why: string, cause?: unknown): FailedError {
  const message = `no place for a socket in ${quote(path)}: ${why}`;
  const remedy = 'Remove it, or set MEOW_HOME to a folder with a shorter path';
  return new FailedError('socket-folder', message, remedy, { cause });
}
