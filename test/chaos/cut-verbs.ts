import { connect, createServer, type Socket } from 'node:net';
import { expect } from 'vitest';
import type { Result } from '../helpers/cli.ts';
import { freePort } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';
import { against } from './scenario.ts';
import { clear, prepare, VERBS } from './verbs.ts';
import type { World } from './world.ts';

/** Which message of the verb, and of what it starts, is Redis' last. */
const MOMENTS = [1, 2, 3, 4, 5, 8, 13, 25];
const LIMIT_MS = 3_000;

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
