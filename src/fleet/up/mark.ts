import { closeSync, fstatSync, openSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { identify, type ThisProcess } from '../../process/identity.ts';
import { readIfAny, removeFile, writeWhole } from '../../state/whole-file.ts';

/** What an `up` says of itself in its state folder; 0.1.0 wrote pid and start alone. */
export interface UpMark {
  readonly pid: number;
  readonly pidStart: string;
  readonly host?: string;
  readonly bootId?: string;
  readonly pidNs?: string;
}

type Run = Pick<ThisProcess, 'bootId' | 'pidNs'>;

export function markText({ pid, pidStart, host, bootId, pidNs }: ThisProcess): string {
  return JSON.stringify({ pid, pidStart, host, bootId, pidNs });
}

export function writeUpMark(home: string, self: ThisProcess): void {
  writeWhole(markPath(home), markText(self));
}

/** @returns null where the text is not a valid mark */
export function parseUpMark(text: string): UpMark | null {
  const more = ['host', 'bootId', 'pidNs'].map((name) => `(?:,"${name}":"([^"]{0,300})")?`);
  const pattern = new RegExp(
    `^\\{"pid":(\\d{1,10}),"pidStart":"([^"]{0,100})"${more.join('')}\\}$`,
  );
  const [, pid, pidStart = '', host, bootId, pidNs] = pattern.exec(text) ?? [];
  if (pid === undefined) return null;
  const told = { ...(host ? { host } : {}), ...(bootId ? { bootId } : {}) };
  return { pid: Number(pid), pidStart, ...told, ...(pidNs ? { pidNs } : {}) };
}

/** Only our own: another's stays. */
export function removeUpMark(home: string, self: ThisProcess): void {
  const mark = readUpMark(home);
  if (mark && isSame(mark, self)) removeFile(markPath(home));
}

/** @returns null where there is no mark, or no valid one */
export function readUpMark(home: string): UpMark | null {
  return parseUpMark(readIfAny(markPath(home)));
}

/** Moves the time of the mark: it needs no room on the disk. */
export function touchUpMark(home: string): void {
  const now = new Date();
  utimesSync(markPath(home), now, now);
}

/** When the mark was moved last, by whatever clock; asked of the file itself, not of a cache. */
export function upMarkTime(home: string): number | null {
  try {
    const file = openSync(markPath(home), 'r');
    const { mtimeMs } = fstatSync(file);
    closeSync(file);
    return mtimeMs;
  } catch (error) {
    if (typeof (error as NodeJS.ErrnoException).code === 'string') return null;
    throw error;
  }
}

/** The `up` that runs for this state folder in this run of this machine; null where none does. */
export function findUp(home: string, run: Run): UpMark | null {
  const mark = readUpMark(home);
  return mark && isOfRun(mark, run) && isFromLivingUp(mark) ? mark : null;
}

/** Whether it was written in this run of this machine, so that its pid says something. */
export function isOfRun({ bootId, pidNs }: UpMark, run: Run): boolean {
  return (bootId ?? run.bootId) === run.bootId && (pidNs ?? run.pidNs) === run.pidNs;
}

export function isSame(mark: UpMark, self: ThisProcess): boolean {
  return mark.pid === self.pid && mark.pidStart === self.pidStart && isOfRun(mark, self);
}

/** Whether that process still lives, is the one that wrote the mark, and runs `up`. */
function isFromLivingUp({ pid, pidStart }: UpMark): boolean {
  const found = identify(pid);
  return found !== null && found.start === pidStart && found.commandLine.includes('up');
}

function markPath(home: string): string {
  return join(home, 'up.json');
}
