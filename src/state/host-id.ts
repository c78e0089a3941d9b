import { join } from 'node:path';
import { FailedError } from '../errors.ts';
import { createHostId, isHostId } from '../ids.ts';
import { readIfAny, writeOnce, writeWhole } from './whole-file.ts';

/** Which run of which machine a state folder was last used in. */
export interface HostFile {
  readonly id: string;
  readonly bootId: string;
  /** The pid namespace, as `readlink /proc/self/ns/pid` names it; empty where there are none. */
  readonly pidNs: string;
}

/** Null where none was made yet, or the file is damaged. */
export function readHostFile(home: string): HostFile | null {
  const pattern = /^\{"id":"([^"]{0,100})","bootId":"([^"]{0,100})","pidNs":"([^"]{0,100})"\}$/;
  const [, id = '', bootId = '', pidNs = ''] = pattern.exec(readIfAny(hostPath(home))) ?? [];
  return isHostId(id) ? { id, bootId, pidNs } : null;
}

/**
 * The random id of a state folder, made at first use; of several at once, one makes it. Where the
 * folder is missing or cannot be written, an id of this process alone: it matches nothing.
 */
export function hostIdOf(home: string, { bootId, pidNs }: Omit<HostFile, 'id'>): string {
  const known = readHostFile(home);
  if (known) return known.id;
  const id = createHostId();
  return keep(home, { id, bootId, pidNs }) ? (readHostFile(home)?.id ?? id) : id;
}

/** @throws FailedError where it cannot be written */
export function rewriteHostFile(home: string, { id, bootId, pidNs }: HostFile): void {
  writeWhole(hostPath(home), JSON.stringify({ id, bootId, pidNs }));
}

function hostPath(home: string): string {
  return join(home, 'host.json');
}

// Without a folder that can be written there is no id to keep.
function keep(home: string, { id, bootId, pidNs }: HostFile): boolean {
  try {
    writeOnce(hostPath(home), JSON.stringify({ id, bootId, pidNs }));
    return true;
  } catch (error) {
    if (error instanceof FailedError) return false;
    throw error;
  }
}
