import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { plain } from '../text.ts';

const MAX_TAIL_BYTES = 64 * 1_024;

export function logPath(home: string, id: string): string {
  return join(home, 'logs', `${id}.log`);
}

/** The last `lines` lines, control characters escaped; none where there is no such log. */
export function tail(path: string, lines: number): string[] {
  const text = readEnd(path);
  const all = text.split('\n').map((line) => plain(line.replace(/\r$/, '')));
  if (all.at(-1) === '') all.pop();
  return lines > 0 ? all.slice(-lines) : [];
}

function readEnd(path: string): string {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
  try {
    const { size } = fstatSync(file);
    const end = Buffer.alloc(Math.min(size, MAX_TAIL_BYTES));
    const length = readSync(file, end, 0, end.length, size - end.length);
    return end.toString('utf8', 0, length);
  } finally {
    closeSync(file);
  }
}
