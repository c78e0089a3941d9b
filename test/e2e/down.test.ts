import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { finish, openSite, ownProcesses, type Site } from '../helpers/cli.ts';
import { freePort } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';

let site: Site;

beforeAll(async () => {
  site = await openSite();
});
afterEach(() => site.clear());
afterAll(() => site.close());

/** No Redis is named, and none is at the usual address: so it is a local one. */
const local = { REDIS_URL: '' };

const pidIn = (...path: string[]) =>
  (JSON.parse(readFileSync(join(site.home, ...path), 'utf8')) as { pid: number }).pid;

async function down(env: Record<string, string> = {}) {
  return site.run(['down', '--drain-timeout', '5'], { env });
}

async function upHere() {
  const args = ['up', '-n', '1', '--port', String(await freePort()), '--no-admin', '--detach'];
  const { code, stderr } = await site.run(args, { env: local });
  expect([code, stderr]).toEqual([0, expect.stringContaining('1 server, in the background')]);
}

test('`down` ends door, keeper, servers and the local Redis, and then nothing is running', async () => {
  await upHere();
  expect((await site.run(['spawn'], { env: local })).code).toBe(0);
  const all = 'ended: `meowctl up`, 2 servers, the local Redis\n';
  expect(await down(local)).toMatchObject({ code: 0, stderr: all });
  expect(ownProcesses(site.home)).toEqual([]);
  expect(await down(local)).toMatchObject({ code: 0, stderr: 'nothing is running\n' });
});

test('`down` needs no Redis: one that is stopped ends after the servers', async () => {
  await upHere();
  process.kill(pidIn('redis', 'run.json'), 'SIGSTOP');
  const { code, stderr } = await down(local);
  const ended = 'ended: `meowctl up`, 1 server, the local Redis\n';
  expect([code, stderr]).toEqual([0, expect.stringContaining(ended)]);
  expect(stderr).toContain('meowctl: Redis was not told that they are gone: ');
  expect(ownProcesses(site.home)).toEqual([]);
});

test('`down` needs neither Redis nor `up`: both were killed, and the server ends', async () => {
  await upHere();
  process.kill(pidIn('up.json'), 'SIGKILL');
  process.kill(pidIn('redis', 'run.json'), 'SIGKILL');
  const { code, stderr } = await down(local);
  expect([code, stderr]).toEqual([0, expect.stringMatching(/^ended: 1 server\n/)]);
  expect(ownProcesses(site.home)).toEqual([]);

  const wanted = readdirSync(join(site.home, 'wanted'), { recursive: true, encoding: 'utf8' });
  expect(wanted.filter((name) => name.endsWith('.json'))).toEqual([]);

  // Redis comes back with what was wanted in it, and none of that is any more.
  const again = await site.run(['scale', '1'], { env: local });
  expect(again.stderr).toContain('1 serve here: 1 started, 0 retired');
  const listed = await site.run(['ls', '--json'], { env: local });
  const rows = JSON.parse(listed.stdout) as { id: string; state: string; why?: string }[];
  expect(rows.filter(({ state }) => state === 'up')).toHaveLength(1);
  expect((await down(local)).stderr).toBe('ended: 1 server, the local Redis\n');
});

test('`down` ends what runs here where a Redis of others takes no writes, and says so', async () => {
  const doorPort = String(await freePort());
  const doorArgs = ['proxy', '--port', doorPort, '--no-admin'];
  const both = Promise.all([finish(site.start(['keep'])), finish(site.start(doorArgs))]);
  expect((await site.run(['spawn'])).code).toBe(0);
  await until('the door serves', async () => {
    const answer = await fetch(`http://127.0.0.1:${doorPort}/test`).catch(() => null);
    return answer?.ok;
  });
  const { port, hostname } = new URL(site.redis.url);
  const cli = (...words: string[]) =>
    spawnSync('redis-cli', ['-h', hostname, '-p', port, ...words]);
  await until('the keeper keeps', () => cli('keys', '{meow}:keeper:*').stdout.length > 1);
  cli('replicaof', '127.0.0.1', '1');
  const { code, stderr } = await down();
  cli('replicaof', 'no', 'one');
  expect(stderr).toMatch(/^ended: `meowctl keep`, 1 server, the door\n/m);
  expect(stderr).toContain('meowctl: Redis was not told that they are gone: ');
  expect(stderr).toContain('is a read-only replica');
  expect(code).toBe(0);
  expect((await both).map((result) => result.code)).toEqual([0, 0]);
});

test('`down` leaves the servers of another fleet in the same folder alone, and names them', async () => {
  const other = { MEOW_NAMESPACE: 'other' };
  expect((await site.run(['spawn'], { env: other })).code).toBe(0);
  const { code, stderr } = await down();
  expect([code, stderr]).toEqual([0, expect.stringMatching(/1 process runs on, of another fleet/)]);
  expect(stderr).toContain('namespace other');
  expect(await down(other)).toMatchObject({ code: 0, stderr: 'ended: 1 server\n' });
});

test('of five `up`s at once one comes up, and `down` ends it; also after one that was killed', async () => {
  for (const round of ['after none', 'after a killed one']) {
    const ports = await Promise.all(Array.from({ length: 5 }, freePort));
    const ups = ports.map((port) =>
      site.start(['up', '-n', '1', '--port', String(port), '--no-admin']),
    );
    const outcomes = ups.map(finish);
    await until('four have ended', () => ups.filter((up) => up.exitCode !== null).length === 4);
    const winner = ups.find((up) => up.exitCode === null);
    for (const [at, up] of ups.entries()) {
      if (up === winner) continue;
      const { code, stderr } = (await outcomes[at]) ?? { code: null, stderr: '' };
      const said = `meowctl: meowctl up already runs here (pid ${winner?.pid})\n`;
      expect([round, code, stderr]).toEqual([round, 1, expect.stringContaining(said)]);
    }
    await until('it has its server', async () => (await site.list()).length > 0);
    if (round === 'after none') winner?.kill('SIGKILL');
    else expect((await down()).stderr).toMatch(/^ended: `meowctl up`, \d servers?\n/);
    await outcomes[winner ? ups.indexOf(winner) : 0];
  }
  expect(ownProcesses(site.home)).toEqual([]);
});
