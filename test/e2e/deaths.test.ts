import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import type { Row } from '../../src/cli/output/rows.ts';
import { defaults } from '../../src/defaults.ts';
import { openSite } from '../helpers/cli.ts';
import { serversOf } from '../helpers/machine.ts';
import { until } from '../helpers/until.ts';

/** A site of its own for each test, so that they run side by side. */
async function openWorld() {
  const site = await openSite();
  const raw = new Redis(site.redis.url);
  return {
    site,
    raw,
    up: async () => (await site.list()).filter(({ state }) => state === 'up'),
    /** A keeper that has the lock, and what it says. */
    async keep() {
      const keeper = site.start(['keep']);
      let said = '';
      keeper.stderr?.on('data', (piece: Buffer) => {
        said += piece;
      });
      await until('it keeps', async () => (await raw.keys('{meow}:keeper:*')).length > 0);
      return { keeper, told: () => said };
    },
    async close() {
      raw.disconnect();
      await site.close();
    },
  };
}

type World = Awaited<ReturnType<typeof openWorld>>;

function deathTest(name: string, run: (its: World) => Promise<void>) {
  test.concurrent(name, async () => {
    const its = await openWorld();
    await run(its).finally(its.close);
  });
}

async function spawnOne(its: World, ...args: string[]): Promise<Row> {
  const { stdout, stderr, code } = await its.site.call(['spawn', '--json', ...args]);
  expect([code, stderr]).toEqual([0, '']);
  return (JSON.parse(stdout) as Row[])[0] as Row;
}

async function another(its: World, dead: Row): Promise<Row> {
  return until('another serves in its place', async () => {
    const [row, ...others] = await its.up();
    return row && others.length === 0 && row.id !== dead.id ? row : null;
  });
}

const ranWell = (server: Row) =>
  until('it ran well', () => Date.now() - server.startedAt > defaults.ranWellMs + 500);

/** How many connections the keepers of a state folder have. */
function connectionsTo(home: string): number {
  const lines = readFileSync('/proc/net/unix', 'utf8').split('\n');
  return lines.filter((line) => line.includes(` ${home}/keepers/`)).length - 1;
}

/** Waits until the lock was renewed so many times: so often the keeper has looked. */
async function rounds({ raw }: World, count: number): Promise<void> {
  let left = count;
  let before = 0;
  const [key = ''] = await raw.keys('{meow}:keeper:*');
  await until('the keeper has looked', async () => {
    const now = await raw.pttl(key);
    if (now > before) left -= 1;
    before = now;
    return left <= 0;
  });
}

/** Waits until the server has a connection, and the keeper has gone round since: it has heard of it. */
async function heard(its: World): Promise<void> {
  await until('it holds a connection to it', () => connectionsTo(its.site.home) === 1);
  await rounds(its, 2);
}

deathTest(
  'the first death of a server that ran well is answered at once, the next one is not',
  async (its) => {
    const first = await spawnOne(its);
    const { told } = await its.keep();
    await ranWell(first);
    await heard(its);
    process.kill(first.pid, 'SIGKILL');
    const second = await another(its, first);
    // Before, it would be one that did not get ready.
    await until('it is told', () => told().includes(`took the place of ${first.id}`));
    process.kill(second.pid, 'SIGKILL');
    await another(its, second);
    const at = ({ id, port }: Row) => told().split(`server ${id} on port ${port} died; `)[1] ?? '';
    expect(at(first)).toMatch(/^started again at once\n/);
    await until('the second death is told', () => at(second) !== '');
    expect(at(second)).toMatch(/^started again in 1 s\n/);
  },
);

deathTest('a keeper that came later knows how long a server has run', async (its) => {
  const first = await spawnOne(its);
  await ranWell(first);
  const { told } = await its.keep();
  await heard(its);
  process.kill(first.pid, 'SIGKILL');
  await another(its, first);
  expect(told()).toContain(`${first.id} on port ${first.port} died; started again at once`);
});

deathTest('a server that is stopped is left alone, also by the next keeper', async (its) => {
  const server = await spawnOne(its);
  const { keeper } = await its.keep();
  await until('it holds a connection to it', () => connectionsTo(its.site.home) === 1);
  process.kill(server.pid, 'SIGSTOP');
  keeper.kill('SIGKILL');
  const { told } = await its.keep();
  await until('the next one keeps', () => told().includes('keeping'));
  await rounds(its, 3);
  process.kill(server.pid, 'SIGCONT');
  await until('it is up', async () => (await its.up())[0]?.id === server.id);
  expect([(await its.up()).length, told().includes('died')]).toEqual([1, false]);
});

deathTest(
  'one desired server, written back again and again, makes no second server',
  async (its) => {
    const first = await spawnOne(its);
    const text = (await its.raw.hget('{meow}:intents', first.id)) ?? '';
    await its.keep();
    process.kill(first.pid, 'SIGKILL');
    const second = await another(its, first);
    let most = 0;
    for (let at = 0; at < 6; at += 1) {
      await its.raw.hset('{meow}:intents', first.id, text);
      await rounds(its, 2);
      most = Math.max(most, serversOf([its.site.home]).length);
      expect((await its.up()).map(({ id }) => id)).toEqual([second.id]);
    }
    expect(most).toBe(1);
  },
);
