import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import { isServerId } from '../ids.ts';
import { logPath } from '../logs/files.ts';
import { isPid, isText, parseObject } from '../model/fields.ts';
import type { FleetName } from '../process/our-process.ts';
import { makeFolder, prepareStateFolder } from '../state/folder.ts';
import { socketPath } from '../state/socket-path.ts';
import { readIfAny, writeWhole } from '../state/whole-file.ts';

/** What belongs to one door on HAProxy in the state folder. */
export interface EngineFiles {
  readonly folder: string;
  readonly door: string;
  readonly servers: string;
  /** By its name alone, as HAProxy is told of it: it runs in `folder`. */
  readonly pages: string;
  /** Who runs: see `EngineNote`. */
  readonly note: string;
  /** The process that looks after it: see controller-claim.ts. */
  readonly controller: string;
  readonly log: string;
  /** Sockets of the worker and of its master. */
  readonly socket: string;
  readonly master: string;
}

/** The HAProxy that was started last, what it was told, and whose servers it has. */
export interface EngineNote extends FleetName {
  /** Of the door, for as long as this HAProxy runs. */
  readonly id: string;
  readonly pid: number;
  readonly pidStart: string;
  /** Of all that flags and versions say: another one wants a reload. */
  readonly config: string;
}

const USUAL = '127.0.0.1';
const MAX_NAME = 40;
/** Whether a path has the same meaning where HAProxy reads an address: `,` and `$` would not. */
const isPlain = (path: string) => /^[\w./@+-]+$/.test(path);
/** HAProxy binds under a longer name first, and renames. */
const ROOM = '.longer-than-any-suffix';

/** Its files and folders, made where they are missing, for their owner alone. */
export function engineFiles(home: string, host: string, port: number): EngineFiles {
  prepareStateFolder(home);
  const name =
    host === USUAL ? `${port}` : `${port}-${host.replace(/[^\w.-]/g, '_')}`.slice(0, MAX_NAME);
  const folder = join(home, 'engine', name);
  makeFolder(dirname(folder));
  makeFolder(folder);
  const sockets = dirname(socketPath(home, join('engine', name + ROOM), isPlain));
  return {
    folder,
    door: join(folder, 'door.cfg'),
    servers: join(folder, 'servers.cfg'),
    pages: 'pages.map',
    note: join(folder, 'haproxy.json'),
    controller: join(folder, 'controller.json'),
    log: logPath(home, `haproxy-${name}`),
    socket: join(sockets, `${name}.sock`),
    master: join(sockets, `${name}.master`),
  };
}

export function readNote({ note: path }: Pick<EngineFiles, 'note'>): EngineNote | null {
  const fields = parseObject(readIfAny(path)) ?? {};
  const { id, pid, pidStart, config } = fields;
  const fleet = fleetIn(fields);
  if (typeof id !== 'string' || !isServerId(id) || !isPid(pid) || fleet === null) return null;
  if (typeof pidStart !== 'string' || typeof config !== 'string') return null;
  return { id, pid: Number(pid), pidStart, config, ...fleet };
}

/** Which fleet a note in the state folder names; null where it names none. */
export function fleetIn(fields: Readonly<Record<string, unknown>>): FleetName | null {
  const { namespace, redis } = fields;
  if (typeof namespace !== 'string' || !(redis === null || isText(redis))) return null;
  return { namespace, redis: redis === null ? null : String(redis) };
}

export function writeNote({ note: path }: EngineFiles, note: EngineNote): void {
  writeWhole(path, JSON.stringify(note));
}

/** Two configurations with one digest are the same. */
export function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
