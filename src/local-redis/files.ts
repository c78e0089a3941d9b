import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../state/folder.ts';
import { writeOnce, writeWhole } from '../state/whole-file.ts';

/*
 * What the state folder keeps of the local Redis: its settings with the password, where it was last
 * seen running, its log and its append-only file. All in one folder for the owner alone.
 */

/** Where the local Redis ran when it was last seen. */
export interface RedisRun {
  readonly port: number;
  readonly pid: number;
  readonly pidStart: string;
  readonly bootId: string;
}

/** By its true path: the local Redis is known by it, whatever link leads there. */
export function redisFolder(home: string): string {
  return join(existsSync(home) ? realpathSync(home) : home, 'redis');
}

export function redisConfig(home: string): string {
  return join(redisFolder(home), 'redis.conf');
}

export function redisLog(home: string): string {
  return join(redisFolder(home), 'redis.log');
}

/** Null where no local Redis was ever started. */
export function readPassword(home: string): string | null {
  return /^requirepass ([0-9a-f]{64})$/m.exec(read(redisConfig(home)))?.[1] ?? null;
}

/** Writes the settings once: of two that do so at the same moment, both use the first's. */
export function prepareRedisFolder(home: string): string {
  makeFolder(redisFolder(home));
  const known = readPassword(home);
  if (known !== null) return known;
  writeOnce(redisConfig(home), settings(randomBytes(32).toString('hex')));
  return readPassword(home) ?? replaceSettings(home);
}

export function readRun(home: string): RedisRun | null {
  const run = /^\{"port":(\d{1,5}),"pid":(\d{1,10}),"pidStart":"([^"]*)","bootId":"([^"]*)"\}$/;
  const found = run.exec(read(runFile(home)));
  if (!found) return null;
  const [, port, pid, pidStart = '', bootId = ''] = found;
  return { port: Number(port), pid: Number(pid), pidStart, bootId };
}

export function writeRun(home: string, { port, pid, pidStart, bootId }: RedisRun): void {
  writeWhole(runFile(home), JSON.stringify({ port, pid, pidStart, bootId }));
}

function runFile(home: string): string {
  return join(redisFolder(home), 'run.json');
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES') return '';
    throw error;
  }
}

// Somebody emptied or changed the file: without a password of ours it is of no use.
function replaceSettings(home: string): string {
  const password = randomBytes(32).toString('hex');
  writeWhole(redisConfig(home), settings(password));
  return password;
}

// `dir .` is the folder it is started in. Its command line must keep the path of this file, by which
// its process is known: so no other title.
function settings(password: string): string {
  const lines = [
    '# Written by meowctl for its local Redis.',
    'bind 127.0.0.1',
    'protected-mode yes',
    `requirepass ${password}`,
    'dir .',
    'appendonly yes',
    'save ""',
    'maxmemory-policy noeviction',
    'daemonize no',
    'set-proc-title no',
    'logfile ""',
  ];
  return `${lines.join('\n')}\n`;
}
