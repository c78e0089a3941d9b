import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { FailedError } from '../errors.ts';
import { identify } from '../process/identity.ts';
import { terminate } from '../process/terminate.ts';
import { type EngineNote, readNote } from './engine-files.ts';

/**
 * Ends each HAProxy that was started from a state folder and is still there: whoever looked after it
 * has been killed.
 * @param graceMs how long each has to end by itself
 * @returns how many there were, and those that do not end
 */
export async function endOrphans(
  home: string,
  graceMs: number,
): Promise<{ readonly ended: number; readonly failed: readonly FailedError[] }> {
  const endings = await Promise.all(
    orphansOf(home).map(async ({ note, isIt }) => {
      const ending = await terminate({ pid: note.pid, isIt }, graceMs);
      return ending === 'alive' ? [doesNotEnd(note.pid)] : [];
    }),
  );
  const failed = endings.flat();
  return { ended: endings.length - failed.length, failed };
}

function orphansOf(home: string) {
  const all = join(home, 'engine');
  const folders = existsSync(all) ? readdirSync(all, { withFileTypes: true }) : [];
  return folders
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => {
      const folder = join(all, name);
      const note = readNote({ note: join(folder, 'haproxy.json') });
      const isIt = () => note !== null && isRunning(note, join(folder, 'door.cfg'));
      return note && isIt() ? [{ note, isIt }] : [];
    });
}

/** Whether a process is the HAProxy that a note speaks of. */
export function isRunning({ pid, pidStart }: EngineNote, doorFile: string): boolean {
  const found = identify(pid);
  return found?.start === pidStart && found.commandLine.includes(doorFile);
}

function doesNotEnd(pid: number): FailedError {
  return new FailedError('not-gone', `HAProxy (pid ${pid}) does not end`, 'End it by hand');
}
