import { readIfAny } from '../state/whole-file.ts';
import { bad, type Check, warn, well } from './check.ts';

/** What Node and the system allow this user's processes. */
interface MachineFacts {
  readonly node: string;
  /** How many files a process may have open; null for no limit, or where that cannot be told. */
  readonly openFiles: number | null;
}

/** A connection through the door takes two, and Node some thirty. */
const FEW_FILES = 4_096;
const TOO_FEW_FILES = 256;

export function checkMachine({ node, openFiles }: MachineFacts): Check[] {
  return [well('node', `Node ${node}`), checkOpenFiles(openFiles)];
}

/** The limits of this process, which has what its user's others have. */
export function readMachineFacts(): MachineFacts {
  const [, limit] = /^Max open files\s+(\d+)/m.exec(readIfAny('/proc/self/limits')) ?? [];
  return { node: process.versions.node, openFiles: limit === undefined ? null : Number(limit) };
}

function checkOpenFiles(limit: number | null): Check {
  if (limit === null || limit >= FEW_FILES) {
    return well('open-files', limit === null ? 'no limit is known' : `${limit} open files`);
  }
  const most = Math.max(0, Math.floor((limit - 30) / 2));
  const says = `${limit} open files: room for some ${most} requests at once at the door`;
  const remedy = 'Raise it: `ulimit -n 65536`, or LimitNOFILE= in a unit of systemd';
  return (limit < TOO_FEW_FILES ? bad : warn)('open-files', says, remedy);
}
