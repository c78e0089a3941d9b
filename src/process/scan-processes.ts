import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { namespaceIn, stateFolder } from '../settings.ts';
import { identify } from './identity.ts';
import { type FleetName, fleetName, kindOf, type Run, type Running } from './our-process.ts';

/** A process of meowctl, and the state folder that it was started with. */
export interface Scanned extends Running {
  readonly home: string;
}

/**
 * What runs from a state folder, as its processes tell themselves: by their command line and the
 * environment they were started with. On Linux; elsewhere nothing is found.
 */
export function scanProcesses(home: string, run: Run): Running[] {
  return scanAll(run)
    .filter((found) => found.home === home)
    .map(({ home: _, ...found }) => found);
}

/** The same from whatever state folder, as far as this user may look. */
export function scanAll({ bootId, pidNs }: Run): Scanned[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const pid = Number(name);
      const found = identify(pid);
      const told = found && kindOf(found.commandLine);
      const started = told && startedWith(pid);
      if (!started) return [];
      const { fleet, home } = started;
      return [{ ...told, ...fleet, pid, pidStart: found.start, bootId, pidNs, home }];
    });
}

/** Null where it is somebody else's process, or gone. */
function startedWith(pid: number): { home: string; fleet: FleetName } | null {
  try {
    const text = readFileSync(`/proc/${pid}/environ`, 'utf8');
    const env = Object.fromEntries(text.split('\0').map(toPair));
    return {
      home: stateFolder(env, readlinkSync(`/proc/${pid}/cwd`)),
      fleet: fleetName(env.REDIS_URL || null, namespaceIn(env)),
    };
  } catch (error) {
    if (error instanceof Error && 'code' in error) return null;
    throw error;
  }
}

function toPair(text: string): [string, string] {
  const at = text.indexOf('=');
  return [text.slice(0, at), text.slice(at + 1)];
}
