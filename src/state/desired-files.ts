import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { FailedError } from '../errors.ts';
import { isServerId } from '../ids.ts';
import {
  type DesiredServer,
  parseDesiredServer,
  type SignedServer,
} from '../model/desired-server.ts';
import { quote, systemReason } from '../text.ts';
import { makeFolder } from './folder.ts';
import { isAsSigned, isSignedWith, readKey } from './signature.ts';
import { fileSystemNow, removeFile, writeWhole } from './whole-file.ts';

/*
 * What is wanted on this host, as the state folder has it: a file for each server, by registry and
 * namespace. Redis alone never adds to it, and only here does a state count.
 */

/** Which fleet: one namespace in one registry. */
export interface FleetName {
  readonly registry: string;
  readonly namespace: string;
}

export interface DesiredEntry {
  readonly desired: SignedServer;
  /** Its server has not registered yet. */
  readonly pending: boolean;
}

/** As it was read from one version of its file, with one key. */
export interface ListedEntry extends DesiredEntry {
  readonly version: string;
}

/** Null where it is not wanted, or its file is damaged or not of this host. */
export function readDesired(home: string, fleet: FleetName, id: string): DesiredEntry | null {
  const text = read(entryPath(home, fleet, id));
  return text === '' ? null : parse(readKey(home), id, text);
}

/** @param before an earlier list of the same fleet: what has not been written since is not read again */
export function listDesired(
  home: string,
  fleet: FleetName,
  before: ReadonlyMap<string, ListedEntry> = new Map(),
): Map<string, ListedEntry> {
  const entries = new Map<string, ListedEntry>();
  const ids = idsIn(fleetFolder(home, fleet));
  if (ids.length === 0) return entries;
  const key = readKey(home);
  for (const id of ids) {
    const path = entryPath(home, fleet, id);
    const version = `${key.toString('hex')} ${versionOf(path)}`;
    const known = before.get(id);
    const entry = known?.version === version ? known : parse(key, id, read(path));
    if (entry) entries.set(id, { ...entry, version });
  }
  return entries;
}

/** Another one after each write: an entry is a new file each time. */
function versionOf(path: string): string {
  const { ino, size, mtimeNs } = statSync(path, { bigint: true, throwIfNoEntry: false }) ?? {};
  return [ino, size, mtimeNs].join();
}

/** @throws FailedError where it cannot be kept */
export function writeDesired(home: string, desired: SignedServer, pending = false): void {
  makeFolder(join(home, 'wanted'));
  makeFolder(fleetFolder(home, desired));
  writeWhole(entryPath(home, desired, desired.id), JSON.stringify({ pending, intent: desired }));
}

/** Whether Redis says of it what this host has signed and still wants. */
export function isTrusted(home: string, found: DesiredServer): boolean {
  const { id, registry, namespace } = found;
  if (id === undefined || registry === undefined || namespace === undefined) return false;
  const entry = readDesired(home, { registry, namespace }, id);
  return entry !== null && isAsSigned(found, entry.desired);
}

/** Does nothing where it is not wanted any more. */
export function markDesired(
  home: string,
  desired: SignedServer,
  state: DesiredServer['state'],
): void {
  const entry = readDesired(home, desired, desired.id);
  if (entry) writeDesired(home, { ...entry.desired, state });
}

/** An id is never used again, so it goes from the lists of all registries. */
export function dropDesired(home: string, id: string): void {
  if (!isServerId(id)) return;
  // What cannot be removed now is dropped at the next look: Redis does not have it any more.
  for (const folder of folders(home)) removeFile(join(folder, `${id}.json`));
}

/** One whose server has not registered for long, and so never will: whoever started it is gone too. */
export function dropAbandoned(home: string, desired: SignedServer, keepMs: number): void {
  const path = entryPath(home, desired, desired.id);
  const writtenMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  const nowMs = writtenMs === undefined ? null : fileSystemNow(dirname(path));
  if ((nowMs ?? 0) - (writtenMs ?? 0) > keepMs) removeFile(path);
}

/** From the list of its own registry alone: it is wanted in another. */
export function removeDesired(home: string, desired: SignedServer): void {
  rmSync(entryPath(home, desired, desired.id), { force: true });
}

/** Nothing of a fleet is wanted here any more: what Redis still holds is dead. */
export function dropFleet(home: string, fleet: FleetName): void {
  for (const id of idsIn(fleetFolder(home, fleet))) removeFile(entryPath(home, fleet, id));
}

// A registry's id has no dot in it.
function fleetFolder(home: string, { registry, namespace }: FleetName): string {
  return join(home, 'wanted', `${registry}.${namespace}`);
}

export function entryPath(home: string, fleet: FleetName, id: string): string {
  return join(fleetFolder(home, fleet), `${id}.json`);
}

function folders(home: string): string[] {
  const root = join(home, 'wanted');
  return namesIn(root)
    .filter((name) => /^[A-Za-z0-9_-]+\./.test(name))
    .map((name) => join(root, name));
}

function idsIn(folder: string): string[] {
  return namesIn(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => name.slice(0, -'.json'.length))
    .filter(isServerId);
}

const absent = new Set(['ENOENT', 'ENOTDIR']);

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (absent.has((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw unreadable(folder, error);
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (absent.has((error as NodeJS.ErrnoException).code ?? '')) return '';
    throw unreadable(path, error);
  }
}

function unreadable(path: string, cause: unknown): FailedError {
  const message = `cannot read what is wanted from ${quote(path)}: ${systemReason(cause)}`;
  return new FailedError('no-wanted', message, 'Check who owns that folder', { cause });
}

function parse(key: Buffer, id: string, text: string): DesiredEntry | null {
  const value = parseJson(text) as { pending?: unknown; intent?: unknown } | null;
  const parsed = parseDesiredServer(id, JSON.stringify(value?.intent ?? null));
  if ('problem' in parsed || !isSignedWith(key, parsed.ok)) return null;
  return { desired: parsed.ok, pending: value?.pending === true };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text === '' ? 'null' : text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

export function isOfFleet(desired: DesiredServer, fleet: FleetName): boolean {
  return desired.registry === fleet.registry && desired.namespace === fleet.namespace;
}
