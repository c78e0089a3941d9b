import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import { expect } from 'vitest';
import type { Row } from '../../src/cli/output/rows.ts';
import { openSite, ownProcesses, type RunOptions, type Site } from '../helpers/cli.ts';
import { until } from '../helpers/until.ts';
import { type Door, type DoorOptions, openDoor } from './door.ts';

/** A fleet to be harmed: a site of its own, with what scenarios ask of it. */
export interface World {
  readonly site: Site;
  /** Its Redis, past all of meowctl. */
  readonly raw: Redis;
  readonly doors: readonly Door[];
  /** Spawns, which must succeed. */
  spawn(args?: readonly string[], options?: RunOptions): Promise<Row[]>;
  openDoor(options?: DoorOptions): Promise<Door>;
  /** Every door uses exactly these, or all that are up. */
  used(rows?: readonly Row[]): Promise<void>;
  /** The pids of its servers, listed or not. */
  servers(): number[];
  /** To be done before the world ends, last first. */
  atEnd(task: () => unknown): void;
  close(): Promise<void>;
}

export async function openWorld(redisArgs: readonly string[] = []): Promise<World> {
  const site = await openSite(redisArgs);
  const raw = new Redis(site.redis.url, { retryStrategy: () => 50 });
  raw.on('error', () => {}); // its Redis is killed now and then
  const doors: Door[] = [];
  const tasks: (() => unknown)[] = [];
  return {
    site,
    raw,
    doors,
    async spawn(args = [], options = {}) {
      const { code, stdout, stderr } = await site.run(['spawn', '--json', ...args], options);
      expect([code, stderr]).toEqual([0, '']);
      return JSON.parse(stdout) as Row[];
    },
    async openDoor(options) {
      const door = await openDoor(site, options);
      doors.push(door);
      return door;
    },
    used: (rows) => used(site, doors, rows),
    servers: () => serverPids(site.home),
    atEnd: (task) => tasks.unshift(task),
    async close() {
      raw.disconnect();
      for (const task of tasks) await task();
      await site.close();
    },
  };
}

async function used(site: Site, doors: readonly Door[], rows?: readonly Row[]): Promise<void> {
  const living = doors.filter((door) => door.alive()).length;
  const wanted = rows?.map(({ id }) => id);
  await until('every door uses them', async () => {
    const up = (await site.list()).filter(({ state }) => state === 'up');
    const those = up.filter(({ id }) => wanted?.includes(id) ?? true);
    if (those.length === 0 || (wanted && those.length < wanted.length)) return false;
    return those.every((row) => row.doors.filter((word) => word === 'usable').length >= living);
  });
}

/** The processes of a state folder that are servers, or on their way to be. */
export function serverPids(home: string): number[] {
  return ownProcesses(home).filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('\0serve\0');
    } catch {
      return false; // it ended while we looked
    }
  });
}
