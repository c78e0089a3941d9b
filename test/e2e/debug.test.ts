import type { ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Row } from '../../src/cli/output/rows.ts';
import { openSite, type Site } from '../helpers/cli.ts';
import { freePort } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';

/** It dies of a POST. */
const APP = `export default (req, res) => req.method === 'POST' ? process.exit(1) : res.end('well');\n`;

let site: Site;

beforeEach(async () => {
  site = await openSite();
});
afterEach(() => site.close());

async function spawnTwo(sections: string) {
  const env = { MEOW_DEBUG: sections };
  writeFileSync(join(site.home, 'app.mjs'), APP);
  const { stdout, stderr } = await site.run(['spawn', '2', '--json', '--app', 'app.mjs'], { env });
  return { rows: JSON.parse(stdout) as [Row, Row], stderr };
}

/** A door, what it has said so far, and its url. */
async function openDoor(sections: string) {
  const port = String(await freePort());
  const env = { MEOW_DEBUG: sections };
  const door = site.start(['proxy', '--port', port, '--no-admin'], { env });
  const said = listen(door);
  const url = `http://127.0.0.1:${port}`;
  await until('the door serves', async () => (await fetch(url).catch(() => null)) !== null);
  return { door, said, url };
}

function listen({ stderr }: ChildProcess): () => string {
  let text = '';
  stderr?.on('data', (piece) => {
    text += piece;
  });
  return () => text;
}

describe('MEOW_DEBUG', () => {
  test('=proxy tells of a door every attempt, its end, and what becomes of a server', async () => {
    const { rows } = await spawnTwo('');
    const { door, said, url } = await openDoor('proxy');
    await fetch(`${url}/test`);
    const { headers } = await fetch(`${url}/die`, { method: 'POST' });
    const [{ id }] = rows;
    const dead = /POST \/die goes to (\w+)/.exec(said())?.[1] ?? '';
    const text = await until('it says so', () =>
      new RegExp(`server ${dead}: \\w+ to failed`).test(said()) ? said() : null,
    );
    expect(headers.get('x-served-by')).toBe(null);
    expect(text).toMatch(
      new RegExp(`PROXY ${door.pid}: attempt \\S+ of POST /die goes to ${dead} http://`),
    );
    expect(text).toMatch(/PROXY \d+: attempt \S+ of GET \S+ goes to \w+ http:/);
    expect(text).toMatch(
      new RegExp(`PROXY \\d+: attempt \\S+ of POST /die failed at ${dead}, broken: .+\n`),
    );
    expect(text).toMatch(/PROXY \d+: answered: \S+ GET \/test \w+ 200 /);
    expect(text).toMatch(/PROXY \d+: answered: \S+ POST \/die - 502 /);
    expect(text).toMatch(new RegExp(`PROXY \\d+: server ${id}: starting to healthy\n`));
    expect(text).not.toMatch(/STORE|FLEET/);
  });

  test('=store tells of connections to Redis that are made and lost, and of what fails', async () => {
    const { said } = await openDoor('store');
    expect(said()).toMatch(/STORE \d+: connected to 127\.0\.0\.1:\d+\n/);
    await site.redis.kill('SIGSTOP');
    await until('it says so', () => /STORE \d+: failed: .+: .+\n/.test(said()));
    await site.redis.kill('SIGCONT');
    await site.redis.kill('SIGKILL');
    await until('it says so', () => /STORE \d+: lost the connection: .+\n/.test(said()));
    await until('it says so', () => /STORE \d+: could not connect, try 2: .+\n/.test(said()));
    expect(said()).not.toMatch(/PROXY|FLEET/);
  });

  test('=fleet tells of starts and of orders to drain, in the log of the server too', async () => {
    const { rows, stderr } = await spawnTwo('fleet');
    const [{ id, pid }] = rows;
    expect(stderr).toMatch(
      new RegExp(`FLEET \\d+: spawns server ${id}: \\S+node .* serve .*${id}`),
    );
    expect(stderr).toMatch(new RegExp(`FLEET \\d+: server ${id} is ready: \\{.*"pid":${pid}`));
    const env = { MEOW_DEBUG: 'fleet' };
    const gone = await site.run(['destroy', id], { env });
    expect(gone.stderr).toMatch(
      new RegExp(`FLEET \\d+: order to ${id}, unless it is the last: ordered`),
    );
    const { stdout } = await site.run(['logs', id]);
    expect(stdout).toMatch(new RegExp(`FLEET ${pid}: drains within \\d+ ms`));
  });

  test('is silent where it is not set, and named where it makes no sense', async () => {
    const { stderr } = await spawnTwo('');
    expect(stderr).toBe('');
    const { code, stderr: why } = await site.run(['ls'], { env: { MEOW_DEBUG: 'prosy' } });
    expect([code, why.split('\n')[0]]).toEqual([2, 'meowctl: MEOW_DEBUG "prosy" is no section']);
  });
});
