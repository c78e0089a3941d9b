import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { Row } from '../../src/cli/output/rows.ts';
import { openSite, ownProcesses, type RunOptions, type Site } from './cli.ts';
import { until } from './until.ts';

export const APPS = join(import.meta.dirname, '..', 'fixtures', 'apps');
export const PROGRAM = join(APPS, 'program.mjs');

/** A site for servers of one's own apps, and what one asks of it. */
export interface AppSite extends Site {
  readonly raw: Redis;
  /** Spawns one server from the folder of the fixtures; throws what was said instead. */
  spawn(args: readonly string[], options?: RunOptions): Promise<Row>;
  log(row: Row): string;
  commandLines(): string[];
  nothingLeft(): Promise<unknown>;
}

export async function openAppSite(): Promise<AppSite> {
  const site = await openSite();
  const raw = new Redis(site.redis.url);
  return {
    ...site,
    raw,
    async spawn(args, options) {
      const run = { cwd: APPS, ...options };
      const { stdout, stderr } = await site.call(['spawn', '--json', ...args], run);
      const [row] = JSON.parse(stdout || '[]') as Row[];
      if (!row) throw new Error(stderr);
      return row;
    },
    log: ({ id }) => readFileSync(join(site.home, 'logs', `${id}.log`), 'utf8'),
    commandLines: () =>
      ownProcesses(site.home).map((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8')),
    nothingLeft: () => until('no process is left', () => ownProcesses(site.home).length === 0),
    async close() {
      raw.disconnect();
      await site.close();
    },
  };
}

export async function text(url: string): Promise<string> {
  return (await fetch(url)).text();
}

/** Sends bytes after a change of protocol, and gives back what comes. */
export function echoed(url: string, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { connection: 'Upgrade', upgrade: 'echo', 'sec-websocket-key': 'a2V5' };
    const asked = request(url, { headers, agent: false });
    asked.once('upgrade', (_, socket) => {
      socket.once('data', (chunk) => {
        resolve(String(chunk));
        socket.destroy();
      });
      socket.write(bytes);
    });
    asked.once('response', ({ statusCode }) => reject(new Error(`answered ${statusCode}`)));
    asked.once('error', reject);
    asked.end();
  });
}
