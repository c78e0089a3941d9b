import { existsSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Row } from '../../src/cli/output/rows.ts';
import type { AppSpec } from '../../src/model/app-spec.ts';
import { finish, openSite, type Site } from '../helpers/cli.ts';
import { freePort } from '../helpers/redis.ts';
import { sampleDesired } from '../helpers/store.ts';
import { until } from '../helpers/until.ts';

const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

const upOf = (rows: readonly Row[]) => rows.find(({ state }) => state === 'up')?.pid;

let site: Site;
let raw: Redis;

beforeEach(async () => {
  site = await openSite();
  raw = new Redis(site.redis.url);
});
afterEach(async () => {
  raw.disconnect();
  await site.close();
});

describe('desired servers that somebody planted', () => {
  /** A program nobody here asked for: started, it would leave a file. */
  const touch = (): AppSpec => ({
    kind: 'program',
    command: ['touch', join(site.home, 'started')],
    env: [],
    envDigest: null,
    cwd: null,
    health: null,
  });

  const plant = (count: number) => {
    const desired = sampleDesired({ host: hostname(), bootId, spec: touch() });
    const fields = Array.from({ length: count }, (_, n) => {
      const id = `aaa${(n + 1_000).toString().replace(/[01]/g, (digit) => 'xy'[Number(digit)] ?? '')}`;
      return [id.slice(-6), JSON.stringify(desired)];
    });
    return raw.hset('{meow}:intents', ...fields.flat());
  };

  test('are not started by `up`, however many: it says so once, and runs what was asked for', async () => {
    expect(await plant(501)).toBe(501);
    const up = site.start(['up', '-n', '1', '--port', String(await freePort()), '--no-admin']);
    let said = '';
    up.stderr?.on('data', (chunk) => {
      said += chunk;
    });
    await until('it is up', () => said.includes('Ctrl-C stops'));
    expect((await site.list()).filter(({ state }) => state === 'up')).toHaveLength(1);
    process.kill(upOf(await site.list()) ?? Number.NaN, 'SIGKILL');
    await until('its keeper has looked', () => said.includes('took the place of'));
    up.kill('SIGTERM');
    await finish(up);
    expect(
      said.split('an older meowctl wrote it, and it proves nothing, and 500 more'),
    ).toHaveLength(2);
    expect(said).not.toContain('at Object');
    expect(existsSync(join(site.home, 'started'))).toBe(false);
  });

  test('for what is no host are skipped by `keep` and `scale`', async () => {
    const spec = { kind: 'cat', env: {}, cwd: null, health: null };
    for (const [at, listenHost] of ['no such\nhost', '--host', '10.0.0.1/8'].entries()) {
      const desired = { ...sampleDesired({ host: hostname(), bootId }), spec, listenHost };
      await raw.hset('{meow}:intents', `aaaaa${'abc'[at]}`, JSON.stringify(desired));
    }
    const { code, stderr } = await site.call(['scale', '1']);
    expect([code, stderr]).toEqual([0, '1 serve here: 1 started, 0 retired\n']);
    const [server] = await site.list();
    site.start(['keep']);
    process.kill(server?.pid ?? Number.NaN, 'SIGKILL');
    await until('the keeper does its work', async () => {
      const rows = (await site.list()).filter(({ state }) => state === 'up');
      return rows.length === 1 && rows[0]?.id !== server?.id;
    });
  });

  test('are not started by `keep`; those of its own go on being kept, also once they all were no hash', async () => {
    await plant(503);
    await site.call(['spawn']);
    const keeping = site.start(['keep']);
    let said = '';
    keeping.stderr?.on('data', (chunk) => {
      said += chunk;
    });
    await until('it has looked', () => said.includes('and 502 more like it'));
    process.kill(upOf(await site.list()) ?? Number.NaN, 'SIGKILL');
    await until('it keeps its own', () => said.includes('took the place of'));
    expect(said.split('more like it')).toHaveLength(2);

    await raw.set('{meow}:intents', 'no hash');
    await until('it says so', () => said.includes('holds another type of value'));
    await raw.del('{meow}:intents');
    const [next] = JSON.parse((await site.call(['spawn', '--json'])).stdout) as Row[];
    process.kill(next?.pid ?? Number.NaN, 'SIGKILL');
    await until('it keeps again', () => said.includes(`took the place of ${next?.id}`));
    expect(said.split('holds another type of value')).toHaveLength(2);
    expect(existsSync(join(site.home, 'started'))).toBe(false);
  });
});
