import { randomBytes } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { FailedError } from '../errors.ts';
import { quote, systemReason } from '../text.ts';

/*
 * Files of the state folder, for its owner alone. Whoever reads one finds it whole, as it was or as
 * it is, or not at all; a disk that fills in the middle leaves nothing behind.
 */

/** @throws FailedError naming the file; then it is as it was */
export function writeWhole(path: string, text: string): void {
  withDraft(path, { text }, (draft) => renameSync(draft, path));
}

/** The same, and to disk before it gets its name: a crash of the machine leaves it whole too, or as it was. */
export function writeLasting(path: string, text: string): void {
  withDraft(path, { text, flush: true }, (draft) => renameSync(draft, path));
}

/**
 * Of several that write at once, the first wins.
 * @returns whether that was us
 * @throws FailedError naming the file
 */
export function writeOnce(path: string, text: string | Uint8Array): boolean {
  return withDraft(path, { text }, (draft) => linkIfFree(draft, path));
}

/**
 * Gives a file another name, if nobody has that: of several at once, one can.
 * @returns whether that was us
 */
export function linkIfFree(file: string, path: string): boolean {
  try {
    linkSync(file, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** A file that cannot be removed stays: whoever reads it next must see what it is worth. */
export function removeFile(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch (error) {
    if (typeof (error as NodeJS.ErrnoException).code !== 'string') throw error;
  }
}

/** Empty where it is missing or cannot be read. */
export function readIfAny(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (typeof (error as NodeJS.ErrnoException).code === 'string') return '';
    throw error;
  }
}

/**
 * What time it is for the file system of a folder, ms: files are dated by that, whatever clock a
 * process goes by. Null where nothing can be written.
 */
export function fileSystemNow(folder: string): number | null {
  try {
    return withDraft(join(folder, 'now'), { text: '' }, (draft) => statSync(draft).mtimeMs);
  } catch (error) {
    if (error instanceof FailedError) return null;
    throw error;
  }
}

interface Draft {
  readonly text: string | Uint8Array;
  readonly flush?: boolean;
}

function withDraft<T>(path: string, { text, flush = false }: Draft, use: (draft: string) => T): T {
  const name = `.draft-${process.pid}-${randomBytes(6).toString('hex')}`;
  const folder = dirname(path);
  const draft = join(folder, name);
  try {
    mustBeOurs(folder);
    writeFileSync(draft, text, { mode: 0o600, flag: 'wx', flush });
    return use(draft);
  } catch (cause) {
    throw cannotWrite(path, cause);
  } finally {
    removeFile(draft);
  }
}

// Root may write anywhere; a file of root's would be in the way of whoever the folder is of.
function mustBeOurs(folder: string): void {
  const { uid } = statSync(folder);
  const us = process.geteuid?.() ?? uid;
  if (uid === us) return;
  const message = `${quote(folder)} belongs to user ${uid}, not to user ${us}`;
  const remedy = 'Run as that user, or set MEOW_HOME to a folder of your own';
  throw new FailedError('not-ours', message, remedy);
}

function cannotWrite(path: string, cause: unknown): FailedError {
  const { code } = cause as NodeJS.ErrnoException;
  if (code === undefined || cause instanceof FailedError) throw cause;
  const full = code === 'ENOSPC' || code === 'EDQUOT';
  const remedy = full ? 'Make room there' : 'Check that folder, or set MEOW_HOME to another';
  return new FailedError('write', `cannot write ${quote(path)}: ${systemReason(cause)}`, remedy, {
    cause,
  });
}
