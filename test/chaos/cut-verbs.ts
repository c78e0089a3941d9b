import { connect, createServer, type Socket } from 'node:net';
import { expect } from 'vitest';
import type { Result } from '../helpers/cli.ts';
import { freePort } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';
import { against } from './scenario.ts';
import type { World } from './world.ts';

const PICTURE = new URL('../../img/night.png', import.meta.url).pathname;
/** Which message of the verb, and of what it starts, is Redis' last. */
const MOMENTS = [1, 2, 3, 4, 5, 8, 13, 25];
const LIMIT_MS = 3_000;

interface Verb {
  readonly args: readonly string[];
  /** What must be so afterwards, given how it ended. */
  check?(world: World, result: Result): Promise<void>;
}

const queued = ({ raw }: World) => raw.llen('{meow}:images');

const VERBS: readonly Verb[] = [
  { args: ['ls', '--json'] },
  { args: ['set', 'hi', '--ttl', '600'] },
  { args: ['get'] },
  { args: ['recent'] },
  {
    args: ['upload', PICTURE],
    async check(world, { code }) {
      if (code === 0) expect(await queued(world)).toBe(1);
      await world.site.run(['meow']);
      // What was sent and never queued goes by itself, and counts for nothing.
      for (const key of await world.raw.keys('{meow}:image:*')) {
        expect(await world.raw.pttl(key)).toBeGreaterThan(0);
      }
      expect(Number(await world.raw.get('{meow}:image-bytes'))).toBe(0);
    },
  },
  {
    args: ['meow'],
    async check(world, { code, bytes }) {
      if (code === 0) expect(bytes.length).toBe(17_650);
      else expect(bytes.length === 0 || bytes.length === 17_650).toBe(true);
      // Claimed and not delivered: it goes back at a deadline of 30 s, set here to now.
      if (bytes.length > 0) return;
      for (const id of await world.raw.zrange('{meow}:delivering', '0', '-1')) {
        await world.raw.zadd('{meow}:delivering', '1', id);
      }
      expect((await world.site.run(['meow'])).bytes.length).toBe(17_650);
    },
  },
  { args: ['spawn', '2', '-q', '--timeout', '5'], check: serve(2) },
  { args: ['scale', '2'], check: serve(2) },
  { args: ['restart', '--timeout', '2'], check: serve(1) },
  { args: ['destroy', '--timeout', '2', '--force'], check: serve(0) },
];

/** What exits 0 has done it. */
function serve(count: number) {
  return async ({ servers }: World, { code }: Result) => {
    if (code === 0) expect(servers().length).toBe(count);
  };
}

/** Runs each verb against a Redis that dies when the verb sends its first, second … message. */
export async function cutVerbs(world: World): Promise<string> {
  const codes = new Map<number | null, number>();
  let slowestMs = 0;
  for (const verb of VERBS) {
    for (const moment of MOMENTS) {
      await prepare(world, verb);
      const { result, sinceMs, cut, close } = await runCut(world, verb.args, moment);
      const name = `${verb.args[0]} at message ${moment}`;
      expectEnd(name, result, cut);
      if (cut) slowestMs = Math.max(slowestMs, sinceMs);
      codes.set(result.code, (codes.get(result.code) ?? 0) + 1);
      await recover(world, name);
      await verb.check?.(world, result);
      await clear(world);
      close();
    }
  }
  const all = [...codes].map(([code, times]) => `${times} × exit ${code}`).join(', ');
  return `${VERBS.length} verbs at ${MOMENTS.length} moments: ${all}; at most ${against(slowestMs, LIMIT_MS)} after`;
}

async function prepare({ site, spawn }: World, { args }: Verb): Promise<void> {
  if (args[0] === 'meow') await site.run(['upload', PICTURE]);
  if (['restart', 'destroy', 'scale'].includes(args[0] ?? '')) await spawn();
}

function expectEnd(name: string, { code, stderr }: Result, cut: boolean): void {
  const allowed = cut ? [0, 3, 4] : [0, 3];
  expect([name, code, stderr]).toEqual([name, expect.toBeOneOf(allowed), stderr]);
  if (code === 4)
    expect([name, stderr]).toEqual([name, expect.stringMatching(/^meowctl: .*Redis/m)]);
  expect(stderr).not.toMatch(/\n {4}at /);
}

/** The verb, and what it starts, speak to Redis through a relay that kills it, once. */
async function runCut({ site }: World, args: readonly string[], moment: number) {
  const relay = await openRelay(site.redis.port, moment, () => site.redis.kill('SIGKILL'));
  const result = await site.run(args, { env: { REDIS_URL: `redis://127.0.0.1:${relay.port}` } });
  const { killedAt } = relay;
  relay.disarm();
  const sinceMs = killedAt() === null ? 0 : performance.now() - (killedAt() ?? 0);
  return { result, sinceMs, cut: killedAt() !== null, close: relay.close };
}

async function openRelay(target: number, moment: number, kill: () => Promise<void>) {
  const port = await freePort();
  let messages = 0;
  let armed = true;
  let killedAt: number | null = null;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1');
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => other.destroy());
    }
    upstream.on('data', (bytes) => client.write(bytes));
    client.on('data', (bytes) => {
      upstream.write(bytes);
      messages += 1; // also of servers that go on beating after the verb
      if (messages !== moment || !armed) return;
      killedAt = performance.now();
      void kill();
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const close = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  const disarm = () => {
    armed = false;
  };
  return { port, killedAt: () => killedAt, disarm, close };
}

async function recover({ site, servers, raw }: World, name: string): Promise<void> {
  await site.redis.restart();
  await until(`${name}: Redis is back`, () => raw.ping().catch(() => false));
  await until(`${name}: what runs is listed`, async () => {
    const up = (await site.list()).filter(({ state }) => state === 'up').map(({ pid }) => pid);
    return up.sort().join() === servers().sort().join();
  });
}

async function clear({ site, raw, servers }: World): Promise<void> {
  expect((await site.run(['destroy', '--all', '--timeout', '2'])).code).toBe(0);
  await until('no server is left', () => servers().length === 0);
  await raw.flushall();
}
