import { readdirSync, readFileSync } from 'node:fs';
import { withoutSystem } from '../expected-errors.ts';

/*
 * The processes that come from one: its children and theirs, and all in its session. Linux alone
 * tells; elsewhere there are none.
 */

// proc(5), counted from field 3, which follows the name: that may hold blanks and ')'.
const STATE = 0;
const PARENT = 1;
const SESSION = 3;
const START = 19;

interface Relative {
  readonly pid: number;
  readonly parent: number;
  readonly session: number;
  readonly start: number;
}

/** Itself, and whatever comes from it, as long as somebody between them lives. */
export function processTree(pid: number): number[] {
  const all = everybody();
  const tree = new Set(all.filter(({ session }) => session === pid).map((one) => one.pid));
  tree.add(pid);
  for (let before = 0; before < tree.size; ) {
    before = tree.size;
    for (const one of all) if (tree.has(one.parent)) tree.add(one.pid);
  }
  return [...tree];
}

/**
 * Those that have this in their environment and are no older than that: they may have left a tree.
 * @param start in the kernel's ticks, as `startOf` tells
 */
export function startedWith(variable: string, start: number): number[] {
  return everybody()
    .filter((one) => one.start >= start)
    .map((one) => one.pid)
    .filter((pid) => readProc(`${pid}/environ`).split('\0').includes(variable));
}

/** When it started; later than everything where that cannot be told. */
export function startOf(pid: number): number {
  return relative(pid)[0]?.start ?? Number.POSITIVE_INFINITY;
}

export function commandLineOf(pid: number): string[] {
  return readProc(`${pid}/cmdline`).split('\0').slice(0, -1);
}

function everybody(): Relative[] {
  if (process.platform !== 'linux') return [];
  return allPids().flatMap(relative);
}

function relative(pid: number): Relative[] {
  const stat = readProc(`${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (stat === '' || /^[XZ]$/.test(fields[STATE] ?? '')) return [];
  const [parent, session, start] = [fields[PARENT], fields[SESSION], fields[START]].map(Number);
  return [{ pid, parent: parent ?? 0, session: session ?? 0, start: start ?? 0 }];
}

/** All processes that can be seen: none where there is no file left to look with, or off Linux. */
export function allPids(): number[] {
  try {
    const names = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    return names.map(Number);
  } catch (error) {
    return withoutSystem([])(error);
  }
}

// Processes come and go while we look, and some are not ours to see: all of that reads as nothing.
function readProc(name: string): string {
  try {
    return readFileSync(`/proc/${name}`, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return '';
  }
}
