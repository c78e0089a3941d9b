import { createHmac, timingSafeEqual } from 'node:crypto';
import { readdirSync, readFileSync, statSync, utimesSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { FailedError } from '../errors.ts';
import { type AppSpec, isEnvDigest } from '../model/app-spec.ts';
import { baseOf, othersOf, type Variables } from '../model/variables.ts';
import { makeFolder } from '../state/folder.ts';
import { readKey } from '../state/signature.ts';
import { fileSystemNow, removeFile, writeLasting } from '../state/whole-file.ts';
import { quote, systemReason } from '../text.ts';

/*
 * The values of an app's variables never leave the state folder: env/<digest>.json, which all
 * servers of the app share. What goes to Redis is the digest, made with the folder's key: a plain
 * one of a short secret could be guessed.
 */

export interface KeptValues {
  /** The base, as it was when the app was asked for. */
  readonly base: Variables;
  readonly declared: Variables;
  /** How many other variables there were then. */
  readonly leftOut: number;
}

/** The part of a spec that stands for its values. */
export type KeptEnv = Pick<AppSpec, 'env' | 'envDigest'>;

/**
 * Keeps them, if they are not kept yet.
 * @param home a state folder that is there
 * @throws FailedError when they cannot be written
 */
export function keepValues(home: string, values: KeptValues): KeptEnv {
  const envDigest = digestOf(home, values);
  const folder = join(home, 'env');
  makeFolder(folder);
  const path = pathOf(home, envDigest);
  try {
    if (tryRead(home, envDigest) === null) writeLasting(path, JSON.stringify(canonical(values)));
    else touch(path);
  } catch (cause) {
    throw cause instanceof FailedError ? cause : cannotKeep(path, cause);
  }
  return { env: Object.keys(values.declared).sort(), envDigest };
}

/** @throws FailedError where they are gone or are not what they were: nothing else may be used */
export function readValues(home: string, envDigest: string): KeptValues {
  const path = quote(pathOf(home, envDigest));
  const values = readOrSay(home, envDigest, path);
  if (values !== null) return values;
  const message = `the app's variables, kept in ${path}, are missing or damaged`;
  throw new FailedError('env-lost', message, 'Destroy what ran with them, and spawn it again');
}

function readOrSay(home: string, envDigest: string, path: string): KeptValues | null {
  try {
    return tryRead(home, envDigest);
  } catch (cause) {
    const { code, syscall } = cause as NodeJS.ErrnoException;
    if (code === undefined || syscall === undefined) throw cause;
    const message = `the app's variables, kept in ${path}, cannot be read: ${systemReason(cause)}`;
    throw new FailedError('env-lost', message, 'Check who owns that file', { cause });
  }
}

/** Takes over what a 0.1 had written into Redis; the base is what there is here. */
function adoptValues(home: string, oldValues: Variables, here: Variables): KeptEnv {
  const leftOut = Object.keys(othersOf(here)).filter((name) => !(name in oldValues)).length;
  return keepValues(home, { base: baseOf(here), declared: oldValues, leftOut });
}

/** The same spec, without values in it. */
export function adopted(home: string, spec: AppSpec, here: Variables): AppSpec {
  const { oldValues, seal: _, ...rest } = spec;
  if (oldValues === undefined) return rest;
  return { ...rest, ...adoptValues(home, oldValues, here) };
}

/**
 * Removes values that nobody refers to any more, unless they are young: somebody may be about to.
 * @param keepMs how old they must be at least
 * @param digestsInUse asked only where something is old
 * @returns the digests of what was removed
 */
export function sweepEnv(
  home: string,
  digestsInUse: () => ReadonlySet<string>,
  keepMs: number,
): string[] {
  const folder = join(home, 'env');
  const names = list(folder);
  const nowMs = names.length === 0 ? null : fileSystemNow(folder);
  if (nowMs === null) return [];
  const old = names.filter((name) => nowMs - writtenAt(join(folder, name)) > keepMs);
  if (old.length === 0) return [];
  const inUse = digestsInUse();
  const gone = old.filter((name) => !inUse.has(digestIn(name)));
  for (const name of gone) removeFile(join(folder, name));
  return gone.map(digestIn).filter(isEnvDigest);
}

function digestIn(fileName: string): string {
  return fileName.replace(/\.json$/, '');
}

function tryRead(home: string, envDigest: string): KeptValues | null {
  try {
    const values = JSON.parse(readFileSync(pathOf(home, envDigest), 'utf8')) as KeptValues;
    const found = Buffer.from(digestOf(home, values));
    return timingSafeEqual(found, Buffer.from(envDigest)) ? values : null;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return null; // not ours
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function digestOf(home: string, values: KeptValues): string {
  const text = JSON.stringify(['env', ...Object.values(canonical(values))]);
  return createHmac('sha256', readKey(home)).update(text).digest('hex');
}

function canonical({ base, declared, leftOut }: KeptValues): KeptValues {
  return { base: inOrder(base), declared: inOrder(declared), leftOut };
}

function inOrder(variables: Variables): Variables {
  return Object.fromEntries(Object.entries(variables).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function pathOf(home: string, envDigest: string): string {
  return join(home, 'env', `${envDigest}.json`);
}

function cannotKeep(path: string, cause: unknown): FailedError {
  const message = `cannot keep the app's variables in ${quote(path)}: ${systemReason(cause)}`;
  return new FailedError('env-kept', message, 'Check that folder, and the room on its disk', {
    cause,
  });
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Makes it as young as if it were just written, where anything can be written. */
function touch(path: string): void {
  const nowMs = fileSystemNow(dirname(path));
  if (nowMs !== null) utimesSync(path, nowMs / 1_000, nowMs / 1_000);
}

// Another sweep may have been quicker.
function writtenAt(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Number.POSITIVE_INFINITY;
}
