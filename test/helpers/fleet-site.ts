import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { expect } from 'vitest';
import type { Row } from '../../src/cli/output/rows.ts';
import { finish, openSite, type Result, type Site } from './cli.ts';
import { until } from './until.ts';

interface KeptDesired {
  readonly id: string;
  readonly state: string;
  readonly port: number;
  readonly bootId: string;
}

/** A verb that goes on, and what it has said so far. */
export interface Going {
  readonly pid: number;
  said(): string;
  hasEnded(): boolean;
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<Result>;
}

/** A site for the verbs that keep a fleet, and what one asks of it. */
export interface FleetSite extends Site {
  readonly raw: Redis;
  desiredServers(): Promise<KeptDesired[]>;
  liveNow(): Promise<Row[]>;
  spawn(...args: string[]): Promise<Row[]>;
  spawnOne(...args: string[]): Promise<Row>;
  go(...args: string[]): Going;
  /** A keeper, once somebody has the lock. */
  keep(): Promise<Going>;
  /** Waits until the lock was renewed so many times: so often somebody has looked. */
  rounds(count: number): Promise<void>;
  /** The server that serves now and was not there before. */
  newcomer(before: readonly Row[]): Promise<Row>;
  /** A file in the site's folder with this text in it. */
  write(name: string, text: string): string;
}

/** An app that answers with one word. */
export const answering = (word: string) =>
  `export default (_, response) => response.end(${JSON.stringify(word)});\n`;

export async function openFleetSite(): Promise<FleetSite> {
  const site = await openSite();
  const raw = new Redis(site.redis.url);
  const liveNow = async () => (await site.list()).filter(({ state }) => state === 'up');
  const locks = () => raw.keys('{meow}:keeper:*');
  const spawn = async (...args: string[]) => {
    const { stdout, stderr, code } = await site.call(['spawn', '--json', ...args]);
    expect([code, stderr]).toEqual([0, '']);
    return JSON.parse(stdout) as Row[];
  };
  const go = (...args: string[]) => going(site.start(args));
  return {
    ...site,
    raw,
    liveNow,
    spawn,
    go,
    async desiredServers() {
      const kept = Object.entries(await raw.hgetall('{meow}:intents'));
      return kept.map(([id, text]) => ({ ...(JSON.parse(text) as KeptDesired), id }));
    },
    async spawnOne(...args) {
      const [row] = await spawn(...args);
      if (!row) throw new Error('no server');
      return row;
    },
    async keep() {
      const keeper = go('keep');
      await until('somebody keeps the host', async () => (await locks()).length > 0);
      return keeper;
    },
    async rounds(count) {
      const [key = ''] = await locks();
      let seen = 0;
      let before = 0;
      await until('the keeper has looked', async () => {
        const left = await raw.pttl(key);
        if (left > before) seen += 1;
        before = left;
        return seen >= count;
      });
    },
    newcomer(before) {
      const known = new Set(before.map(({ id }) => id));
      return until('another serves', async () =>
        (await liveNow()).find(({ id }) => !known.has(id)),
      );
    },
    write(name, text) {
      const path = join(site.home, name);
      writeFileSync(path, text);
      return path;
    },
    async close() {
      raw.disconnect();
      await site.close();
    },
  };
}

function going(child: ReturnType<Site['start']>): Going {
  let said = '';
  child.stderr?.on('data', (piece: Buffer) => {
    said += piece;
  });
  return {
    pid: child.pid ?? 0,
    said: () => said,
    hasEnded: () => child.exitCode !== null,
    kill: (signal) => child.kill(signal),
    ended: finish(child),
  };
}
