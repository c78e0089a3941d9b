import { createServer, type Server } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Row } from '../../src/cli/output/rows.ts';
import { openSite, type Site } from '../helpers/cli.ts';
import { keepAsking } from '../helpers/load.ts';
import { memoryOf } from '../helpers/process.ts';
import { freePort } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';
import { measured, request } from '../helpers/yardstick.ts';

const AWAY_MS = 1_000;
/** Longer than a lease. */
const PAUSED_MS = 7_000;
/** Of each that asks, between two requests: it is to be seen whether one fails, not how many pass. */
const PAUSE_MS = 40;
const WELL_AGAIN_MS = 5_000;
/** A state route says within this that Redis is away. */
const AWAY_ANSWER_MS = 1_200;
const MIB = 1_048_576;

let site: Site;
let door: { url: string; pid: number };
let pids: string;
let impostor: Server | null = null;

beforeAll(async () => {
  site = await openSite();
  expect((await site.run(['spawn', '3'])).code).toBe(0);
  pids = pidsOf(await site.list());
  const port = await freePort();
  const child = site.start(['proxy', '--port', String(port), '--no-admin']);
  door = { url: `http://127.0.0.1:${port}`, pid: child.pid ?? 0 };
});
beforeEach(() => until('all is well', isWell));
afterAll(async () => {
  impostor?.close();
  await site.close();
});

const status = (path: string) =>
  fetch(door.url + path).then(
    (answer) => answer.status,
    () => 0,
  );

async function isWell(): Promise<boolean> {
  const rows = await site.list().catch(() => []);
  const all =
    pidsOf(rows) === pids &&
    rows.every(({ state, doors }) => state === 'up' && doors[0] === 'usable');
  return all && (await hasDesired()) && (await status('/set')) === 200;
}

const pidsOf = (rows: readonly Row[]) => rows.map(({ pid }) => pid).join();

const hasDesired = async () => (await told((redis) => redis.hlen('{meow}:intents'))) === 3;

async function told<T>(command: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(site.redis.url);
  return await command(redis).finally(() => redis.disconnect());
}

/** Something at Redis' port that is none. A reconnecting client may hold the port for a moment. */
async function speakNonsense(): Promise<void> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', () => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'));
  });
  impostor = server;
  await until('the port can be had', () => listens(server, site.redis.port));
}

function listens(server: Server, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => resolve(true));
  });
}

interface Fault {
  begin(): Promise<unknown>;
  readonly lastsMs: number;
  end(): Promise<unknown>;
  /** What `/set` says meanwhile. */
  readonly meanwhile: number;
}

const faults: [string, Fault][] = [
  [
    'killed, and back empty',
    {
      begin: () => site.redis.kill('SIGKILL'),
      lastsMs: AWAY_MS,
      end: () => site.redis.restart(),
      meanwhile: 503,
    },
  ],
  [
    'paused for longer than a lease',
    {
      begin: () => site.redis.kill('SIGSTOP'),
      lastsMs: PAUSED_MS,
      end: () => site.redis.kill('SIGCONT'),
      meanwhile: 503,
    },
  ],
  [
    'out of memory',
    {
      begin: () => told((redis) => redis.config('SET', 'maxmemory', '1')),
      lastsMs: AWAY_MS,
      end: () => told((redis) => redis.config('SET', 'maxmemory', '0')),
      meanwhile: 507,
    },
  ],
  [
    'something else that speaks nonsense',
    {
      async begin() {
        await site.redis.kill('SIGKILL');
        await speakNonsense();
      },
      lastsMs: AWAY_MS,
      async end() {
        await new Promise((resolve) => impostor?.close(resolve));
        await site.redis.restart();
      },
      meanwhile: 503,
    },
  ],
  [
    'emptied',
    {
      begin: () => told((redis) => redis.flushall()),
      lastsMs: 0,
      end: async () => {},
      meanwhile: 200,
    },
  ],
];

test.each(faults)(
  'Redis %s under load: no request fails that needs none, the others say so within 1 s, and all is well within 5 s',
  async (_what, { begin, lastsMs, end, meanwhile }) => {
    const before = memoryOf(door.pid);
    const load = keepAsking(`${door.url}/`, { pauseMs: PAUSE_MS });
    await until('there is load', () => load.good() > 40);
    await begin();
    await until('it shows', async () => (await status('/set')) === meanwhile);
    const stateful = keepAsking(`${door.url}/set`, {
      workers: 2,
      allowed: [meanwhile],
      pauseMs: PAUSE_MS,
    });
    await pause(lastsMs);
    await end();
    const { ms, slackMs } = await measured(until('all is well', isWell), request);
    expect(ms).toBeLessThan(WELL_AGAIN_MS + slackMs);
    const [plain, state] = await Promise.all([load.stop(), stateful.stop()]);
    expect(plain.failures).toEqual([]);
    expect(state.failures).toEqual([]);
    // What needs no Redis is the yard: it took the same way through the same door.
    const slowest = Math.max(...plain.durationsMs);
    expect(Math.max(...state.durationsMs)).toBeLessThan(AWAY_ANSWER_MS + 10 * slowest);
    expect((memoryOf(door.pid) - before) / MIB).toBeLessThan(30);
  },
);
