import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { FailedError } from '../errors.ts';
import { identify } from '../process/identity.ts';
import type { FleetName } from '../process/our-process.ts';
import { terminate } from '../process/terminate.ts';
import { type EngineNote, readNote } from './engine-files.ts';

export interface OrphansEnded {
  readonly ended: number;
  readonly failed: readonly FailedError[];
  /** Those of other fleets, which run on. */
  readonly others: readonly EngineNote[];
}

/**
 * Ends each HAProxy of a fleet that was started from a state folder and is still there: whoever looked
 * after it has been killed.
 * @param graceMs how long each has to end by itself
 */
export async function endOrphans(
  home: string,
  isOurs: (fleet: FleetName) => boolean,
  graceMs: number,
): Promise<OrphansEnded> {
  const all = orphansOf(home);
  const ours = all.filter(({ note }) => isOurs(note));
  const endings = await Promise.all(
    ours.map(async ({ note, isIt }) => {
      const ending = await terminate({ pid: note.pid, isIt }, graceMs);
      return ending === 'alive' ? [doesNotEnd(note.pid)] : [];
    }),
  );
  const failed = endings.flat();
  const others = all.filter((each) => !ours.includes(each)).map(({ note }) => note);
  return { ended: endings.length - failed.length, failed, others };
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
