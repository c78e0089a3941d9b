import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { repeat } from '../loop.ts';
import { makeFolder, prepareStateFolder } from '../state/folder.ts';
import { readIfAny, removeFile, writeWhole } from '../state/whole-file.ts';
import type { ThisProcess } from './identity.ts';
import { type FleetName, type Kind, type Run, type Running, stillRuns } from './our-process.ts';
import { scanProcesses } from './scan-processes.ts';

/*
 * What runs from this state folder, one file a process in `run`: what needs no Redis to be found.
 */

export interface Announced extends FleetName {
  readonly kind: Kind;
  /** Id of the server, else null. */
  readonly id: string | null;
  /** Where the admin listener of a door is. */
  readonly admin?: string;
  /** The Unix socket that it hands its own sockets over by. */
  readonly handOver?: string;
}

interface NoteKeeping {
  /** How often a note that is missing is written again. */
  readonly everyMs: number;
  log(line: string): void;
}

/**
 * Notes that this process runs, for as long as it does: a note that cannot be written (a full disk),
 * or is removed, is written later.
 * @returns takes the note away
 */
export function announce(
  home: string,
  { kind, id, namespace, redis, admin, handOver }: Announced,
  { pid, pidStart, bootId, pidNs }: ThisProcess,
  { everyMs, log }: NoteKeeping,
): () => void {
  const path = join(folder(home), `${kind}-${pid}-${randomBytes(4).toString('hex')}.json`);
  const what = {
    ...{ kind, id, namespace, redis },
    ...(admin === undefined ? {} : { admin }),
    ...(handOver === undefined ? {} : { handOver }),
  };
  const note: Running = { ...what, pid, pidStart, bootId, pidNs };
  const noting = repeat({
    name: 'noting in the state folder that it runs',
    every: () => everyMs,
    work: () => writeNote(home, path, note),
    log: (line) => log(`meowctl: ${line}`),
    unref: true,
  });
  noting.soon();
  return () => {
    void noting.stop();
    removeFile(path);
  };
}

/** What runs from this folder in this run of this machine, each verified just now. */
export function runningHere(home: string, run: Run): Running[] {
  const noted = readNotes(home, run);
  const known = new Set(noted.map(({ pid }) => pid));
  return [...noted, ...scanProcesses(home, run).filter(({ pid }) => !known.has(pid))];
}

/** The process of a server of this folder; null where none runs. Looked for only where it is not noted. */
export function findServer(home: string, id: string, run: Run): Running | null {
  const isIt = (found: Running) => found.kind === 'server' && found.id === id;
  return readNotes(home, run).find(isIt) ?? scanProcesses(home, run).find(isIt) ?? null;
}

/** Forgets what ran from this folder on other machines, and here before it was started again. */
export function forgetOtherRuns(home: string, run: Run): void {
  for (const { path, note } of notesOf(home)) if (!isOfRun(note, run)) removeFile(path);
}

function writeNote(home: string, path: string, note: Running): void {
  if (existsSync(path)) return;
  prepareStateFolder(home);
  makeFolder(folder(home));
  writeWhole(path, JSON.stringify(note));
}

/** The noted processes that live; notes of others of this run are swept. */
function readNotes(home: string, run: Run): Running[] {
  const ofRun = notesOf(home).filter(({ note }) => isOfRun(note, run));
  const living = ofRun.filter(({ note }) => stillRuns(note));
  for (const { path } of ofRun.filter((each) => !living.includes(each))) removeFile(path);
  return living.map(({ note }) => note);
}

function isOfRun({ bootId, pidNs }: Run, run: Run): boolean {
  return bootId === run.bootId && pidNs === run.pidNs;
}

function notesOf(home: string): { path: string; note: Running }[] {
  return namesIn(folder(home)).flatMap((name) => {
    const path = join(folder(home), name);
    const note = parseNote(readIfAny(path));
    return note ? [{ path, note }] : [];
  });
}

function folder(home: string): string {
  return join(home, 'run');
}

function namesIn(path: string): string[] {
  return forgiven(() => readdirSync(path).filter((name) => /^[a-z].*\.json$/.test(name)), []);
}

// A folder that is not there or cannot be used: then processes are found by the system's own list.
function forgiven<T>(act: () => T, otherwise: T): T {
  try {
    return act();
  } catch (error) {
    if (typeof (error as NodeJS.ErrnoException).code === 'string') return otherwise;
    throw error;
  }
}

function parseNote(text: string): Running | null {
  const fields = parseJson(text);
  if (typeof fields !== 'object' || fields === null) return null;
  const note = fields as Running;
  const { kind, id, pid, namespace, redis, pidStart, bootId, pidNs } = note;
  const isText = (value: unknown) => typeof value === 'string';
  const isWord = (value: unknown) => value === null || isText(value);
  const right =
    ['server', 'proxy', 'up', 'keep'].includes(kind) &&
    Number.isInteger(pid) &&
    [namespace, pidStart, bootId, pidNs].every(isText) &&
    [id, redis].every(isWord);
  return right ? note : null;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
