import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { Row } from '../../src/cli/output/rows.ts';
import { finish, openSite, type Site } from './cli.ts';
import { freePort } from './redis.ts';
import { openRelay, type RedisRelay } from './redis-relay.ts';
import { until } from './until.ts';

export const PASSWORD = 'sesame-open';
const DATABASE = 1; // so that each connection selects

/** One process that lives with Redis, and its own way there, which can be harmed. */
export interface Victim {
  readonly name: 'server' | 'door' | 'keeper' | 'up';
  readonly relay: RedisRelay;
  readonly pid: number;
  alive(): boolean;
  /** Resolves once it has written there, anew, what it must write again and again, or is dead. */
  writes(to?: Redis): Promise<void>;
  /** All it has said so far. */
  said(): string;
}

export interface Victims {
  readonly site: Site;
  readonly raw: Redis;
  readonly all: readonly Victim[];
  close(): Promise<void>;
}

/** A server, a door, a keeper and an `up`, each behind a relay of its own, on one Redis. */
export async function openVictims(redisArgs = ['--requirepass', PASSWORD]): Promise<Victims> {
  const site = await openSite(redisArgs);
  const raw = new Redis(urlOf(site.redis.port));
  raw.on('error', () => {});
  const relays: RedisRelay[] = [];
  const way = async () => {
    const relay = await openRelay(site.redis.port);
    relays.push(relay);
    return { relay, env: { REDIS_URL: urlOf(relay.port) } };
  };
  const all = [
    await openServer(site, raw, await way()),
    await openLasting(site, raw, await way(), 'keeper', ['keep']),
    await openLasting(site, raw, await way(), 'door', ['proxy']),
    await openLasting(site, raw, await way(), 'up', ['up', '-n', '0']),
  ];
  return {
    site,
    raw,
    all,
    async close() {
      raw.disconnect();
      await site.close();
      for (const relay of relays) relay.close();
    },
  };
}

interface Way {
  readonly relay: RedisRelay;
  readonly env: Readonly<Record<string, string>>;
}

async function openServer(site: Site, raw: Redis, { relay, env }: Way): Promise<Victim> {
  const { stdout, stderr } = await site.call(['spawn', '--json'], { env });
  const [row] = JSON.parse(stdout || '[]') as Row[];
  if (!row) throw new Error(`no server: ${stderr}`);
  const alive = () => existsSync(`/proc/${row.pid}`);
  return {
    name: 'server',
    relay,
    pid: row.pid,
    alive,
    async writes(to = raw) {
      await to.hdel('{meow}:servers', row.id);
      const written = async () => (await to.hexists('{meow}:servers', row.id)) === 1;
      await until('the server writes its record', async () => (await written()) || !alive());
    },
    said: () => logsOf(site.home, row.id),
  };
}

/** What writes a key of its own under a lease. */
async function openLasting(
  site: Site,
  raw: Redis,
  { relay, env }: Way,
  name: 'door' | 'keeper' | 'up',
  args: readonly string[],
): Promise<Victim> {
  const home = join(site.home, name === 'up' ? 'other' : '');
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const flags = name === 'keeper' ? [] : ['--port', String(await freePort()), '--no-admin'];
  const before = await leasesOf(raw);
  const child = site.start([...args, ...flags], { env: { ...env, MEOW_HOME: home } });
  const output: Buffer[] = [];
  child.stderr?.on('data', (bytes: Buffer) => output.push(bytes));
  void finish(child);
  const keys = await until(`the ${name} holds its leases`, async () => {
    const own = (await leasesOf(raw)).filter((key) => !before.includes(key));
    return own.length >= (name === 'up' ? 2 : 1) ? own : null;
  });
  const alive = () => child.exitCode === null && child.signalCode === null;
  return {
    name,
    relay,
    pid: child.pid ?? 0,
    alive,
    async writes(to = raw) {
      await to.del(...keys);
      const written = async () => (await to.exists(...keys)) === keys.length;
      await until(`the ${name} writes ${keys}`, async () => (await written()) || !alive());
    },
    said: () => Buffer.concat(output).toString(),
  };
}

// All keepers of a machine share the lock by its name, for the sake of 0.1.0.
async function leasesOf(raw: Redis): Promise<string[]> {
  const keepers = await raw.keys('{meow}:keeper:*');
  const own = keepers.filter((key) => key !== `{meow}:keeper:${hostname()}`);
  return [...(await raw.keys('{meow}:door:*')), ...own];
}

function logsOf(home: string, id: string): string {
  const names = readdirSync(join(home, 'logs')).filter((name) => name.startsWith(id));
  return names.map((name) => readFileSync(join(home, 'logs', name), 'utf8')).join('');
}

/** The database of the victims on a Redis with their password. */
export function urlOf(port: number): string {
  return `redis://:${PASSWORD}@127.0.0.1:${port}/${DATABASE}`;
}
