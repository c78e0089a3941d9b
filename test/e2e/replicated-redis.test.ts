import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Row } from '../../src/cli/output/rows.ts';
import { finish, openSite, type Result, type Site } from '../helpers/cli.ts';
import { keepAsking } from '../helpers/load.ts';
import { freePort } from '../helpers/redis.ts';
import { startCluster } from '../helpers/redis-cluster.ts';
import type { ReplicatedRedis } from '../helpers/replicated-redis.ts';
import { startSentinels } from '../helpers/sentinels.ts';
import { until } from '../helpers/until.ts';

const PICTURE = join(import.meta.dirname, '../../img/morning.jpg');

describe.each([
  ['three Sentinels', 'redis-sentinels', startSentinels],
  ['a Redis Cluster', 'redis-cluster', startCluster],
] as const)('with %s', (_, guides, start) => {
  let redis: ReplicatedRedis;
  let site: Site;
  let door: string;
  let up: { said(): string; ended: Promise<Result>; kill(signal: NodeJS.Signals): void };
  const run = (...args: string[]) => site.call(args, { env: envOf(redis) });

  beforeAll(async () => {
    [redis, site] = await Promise.all([start(), openSite()]);
    const port = await freePort();
    door = `http://127.0.0.1:${port}`;
    const flags = ['-n', '2', '--port', String(port), '--no-admin'];
    const child = site.start(['up', ...flags], { env: { ...envOf(redis), MEOW_DURABLE: '1' } });
    let said = '';
    child.stderr?.on('data', (piece: Buffer) => {
      said += piece;
    });
    up = { said: () => said, ended: finish(child), kill: (signal) => child.kill(signal) };
    await until('both serve', async () => (await rows()).filter(isUp).length === 2);
    await until('the door serves', () => statusOf(door).then((status) => status === 200));
  });
  afterAll(async () => {
    await site.close();
    await redis.stop();
  });

  const rows = async () => {
    const { stdout } = await run('ls', '--json');
    const found = JSON.parse(stdout || '[]') as Row[];
    return found.length === 2 ? found : [];
  };

  test('an upload is durable once a replica has it, and queued all the same without', async () => {
    const good = await run('upload', '--durable', '--json', PICTURE);
    expect([good.code, good.stderr]).toEqual([0, '']);
    expect(JSON.parse(good.stdout)).toMatchObject({ queued: 1, durable: true });
    const posted = await post(door);
    expect(posted).toMatchObject({ status: 201, body: { queued: 2, durable: true } });
    const replica = await redis.replica();
    await replica.kill('SIGSTOP');
    try {
      const { code, stdout, stderr } = await run('upload', '--durable', '-q', PICTURE);
      expect([code, stdout]).toEqual([5, expect.stringMatching(/^[\w-]{12}\n$/)]);
      expect(stderr).toMatch(
        /^meowctl: the pictures are queued, but no replica had them within 200 /,
      );
      expect(await post(door)).toMatchObject({ status: 202, body: { queued: 4, durable: false } });
    } finally {
      await replica.kill('SIGCONT');
    }
    expect(JSON.parse((await run('upload', '--json', PICTURE)).stdout)).toEqual({
      images: [expect.anything()],
      queued: 5,
    });
    await redis.whole();
  });

  test('a fleet goes on over both kinds of failover: / fails never, all of it is at the new primary', async () => {
    const names = (found: Row[]) => found.map(({ id, pid }) => `${id} ${pid}`).sort();
    const before = names(await rows());
    const load = keepAsking(door, { workers: 2, pauseMs: 20 });
    const follower = site.start(['events', '-f', '--json'], { env: envOf(redis) });
    let heard = '';
    follower.stdout?.on('data', (piece: Buffer) => {
      heard += piece;
    });
    const followed = finish(follower);
    await until('events -f has told what was', () => heard.includes('"ready"'));
    for (const how of ['in order', 'by kill -9'] as const) {
      const old = await redis.primary();
      if (how === 'by kill -9') await old.kill('SIGKILL');
      const now = await (how === 'in order' ? redis.failover() : redis.movedFrom(old));
      await until('state routes work', async () => (await statusOf(`${door}/set`)) === 200);
      await until('the registry is whole', async () => {
        const left = await redis.ask(now, 'ZCARD', '{meow}:leases');
        return left === 2 && (await redis.ask(now, 'EXISTS', '{meow}:registry')) === 1;
      });
      if (how === 'by kill -9') await old.restart();
      await redis.whole();
    }
    const { failures } = await load.stop();
    expect(failures).toEqual([]);
    const after = await until('both are listed', async () => {
      const found = await rows();
      return found.filter((row) => isUp(row) && row.doors.includes('usable')).length === 2 && found;
    });
    expect(names(after)).toEqual(before);
    const spawned = await run('spawn', '--json');
    expect(spawned.code).toBe(0);
    const [{ id }] = JSON.parse(spawned.stdout) as [Row];
    await until('events -f goes on, or has ended', () => {
      return heard.includes(`"${id}"`) || follower.exitCode !== null;
    });
    follower.kill('SIGTERM');
    expect(await followed).toMatchObject({ stdout: expect.stringContaining(`"${id}"`) });
    expect(up.said()).toMatch(/Redis at \S+ (has another primary now|closed the connection)/);
    expect(up.said()).toMatch(/Redis at \S+ is back/);
  });

  test('doctor says who answers, and that a replica follows', async () => {
    const { stdout } = await run('doctor', '--json');
    const checks = JSON.parse(stdout) as { check: string; ok: unknown; says: string }[];
    const found = (name: string) => checks.find(({ check }) => check === name);
    expect(found(guides)).toMatchObject({
      ok: true,
      says: expect.stringMatching(/(3 of 3|6 of 6)$/),
    });
    expect(found('redis-replicas')).toMatchObject({ ok: true });
    expect(found('redis-writes')).toMatchObject({ ok: true });
    expect(stdout).not.toMatch(/sesame|watch-this/);
  });

  test('all of it leaves in order', async () => {
    const { code } = await run('destroy', '--all', '--drain-timeout', '5');
    expect(code).toBe(0);
    up.kill('SIGTERM');
    expect((await up.ended).code).toBe(0);
    expect(up.said()).not.toMatch(/sesame|watch-this|unhandled|uncaught/i);
  });
});

const isUp = ({ state }: Row) => state === 'up';

function envOf({ url, env }: ReplicatedRedis): Record<string, string> {
  return { ...env, REDIS_URL: url };
}

function statusOf(url: string): Promise<number> {
  return fetch(url).then(
    async (answer) => {
      await answer.arrayBuffer();
      return answer.status;
    },
    () => 0,
  );
}

async function post(door: string) {
  const form = new FormData();
  form.append('image', new Blob([readFileSync(PICTURE)]), 'morning.jpg');
  const answer = await fetch(`${door}/upload`, { method: 'POST', body: form });
  return { status: answer.status, body: await answer.json() };
}
