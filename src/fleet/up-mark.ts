import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { identify, type ThisProcess } from './process-identity.ts';

/** The `meowctl up` that runs on this host for this state folder. */
export interface UpMark {
  readonly pid: number;
  readonly pidStart: string;
}

export function writeUpMark(home: string, { pid, pidStart }: ThisProcess): void {
  writeFileSync(path(home), JSON.stringify({ pid, pidStart }), { mode: 0o600 });
}

export function removeUpMark(home: string): void {
  rmSync(path(home), { force: true });
}

/** Null where none runs, whatever is written. */
export function findUp(home: string): UpMark | null {
  const mark = parse(readMark(home));
  return mark && isUp(mark) ? mark : null;
}

/** Whether that process still lives, is the one that wrote the mark, and runs `up`. */
export function isUp({ pid, pidStart }: UpMark): boolean {
  const found = identify(pid);
  return found !== null && found.start === pidStart && found.commandLine.includes('up');
}

function path(home: string): string {
  return join(home, 'up.json');
}

function readMark(home: string): string {
  try {
    return readFileSync(path(home), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

function parse(text: string): UpMark | null {
  const match = /^\{"pid":(\d{1,10}),"pidStart":"([^"]{1,100})"\}$/.exec(text);
  return match ? { pid: Number(match[1]), pidStart: match[2] ?? '' } : null;
}
