import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openSite, type Site } from '../helpers/cli.ts';
import { freePort } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';

let site: Site;
let adminPort: number;
beforeAll(async () => {
  site = await openSite();
  adminPort = await freePort();
});
afterAll(() => site.close());

const tokenFile = () => join(site.home, 'admin-token');
async function openDoor(...args: string[]): Promise<ReturnType<Site['start']>> {
  const port = String(await freePort());
  const door = site.start(['proxy', '--port', port, '--admin-port', `${adminPort}`, ...args]);
  await until('it has said where its admin listener is', async () => {
    return (await site.call(['dashboard'])).code === 0;
  });
  return door;
}

async function end(door: ReturnType<Site['start']>): Promise<void> {
  door.kill('SIGTERM');
  await until('it has ended', () => door.exitCode !== null || door.signalCode !== null);
}

describe('dashboard', () => {
  test('exits 3 where no door runs, and says how to start one', async () => {
    const { code, stdout, stderr } = await site.run(['dashboard']);
    expect([code, stdout]).toEqual([3, '']);
    expect(stderr).toBe(
      'meowctl: no door with an admin listener runs here\n  Start one with `meowctl up` or `meowctl proxy`\n',
    );
    expect((await site.run(['dashboard', '--json'])).stdout).toBe('[]\n');
  });

  test('prints the address of the page with a token that gives rights, and needs no Redis', async () => {
    const door = await openDoor();
    const token = readFileSync(tokenFile(), 'utf8');
    expect(statSync(tokenFile()).mode & 0o777).toBe(0o600);
    await site.redis.kill('SIGKILL');
    const { code, stdout } = await site.run(['dashboard']);
    await site.redis.restart();
    expect([code, stdout]).toEqual([0, `http://127.0.0.1:${adminPort}/#token=${token}\n`]);
    const headers = { authorization: `Bearer ${token}` };
    expect((await fetch(`http://127.0.0.1:${adminPort}/changes`, { headers })).status).toBe(200);
    const json = JSON.parse((await site.run(['dashboard', '--json'])).stdout) as unknown;
    expect(json).toEqual([{ url: stdout.trim(), pid: door.pid }]);
    await end(door);
    expect((await site.call(['dashboard'])).code).toBe(3);
  });

  test('--open shows the page without the token on any command line', async () => {
    const bin = join(site.home, 'bin');
    mkdirSync(bin);
    const seen = join(site.home, 'opened');
    const opener = join(bin, process.platform === 'darwin' ? 'open' : 'xdg-open');
    writeFileSync(opener, `#!/bin/sh\necho "$@" > ${seen}\ncat "$1" >> ${seen}\n`);
    chmodSync(opener, 0o755);
    const door = await openDoor();
    const env = { PATH: `${bin}:${process.env.PATH}` };
    const { code, stdout } = await site.run(['dashboard', '--open'], { env });
    expect(code).toBe(0);
    const [command, page = ''] = readFileSync(seen, 'utf8').split('\n');
    expect(command).toBe(join(site.home, 'dashboard.html'));
    expect(statSync(command ?? '').mode & 0o777).toBe(0o600);
    expect(page).toContain(`url=${stdout.trim()}"`);
    await end(door);
  });

  test('--open says so where nothing opens it, and has printed the address', async () => {
    const door = await openDoor();
    const { code, stdout, stderr } = await site.run(['dashboard', '--open'], {
      env: { PATH: '/nowhere' },
    });
    expect([code, stdout]).toEqual([1, expect.stringContaining('#token=')]);
    expect(stderr).toContain('does not open it\n  Open the address in a browser yourself');
    await end(door);
  });

  test('a token that others can read is not kept: the next door makes another', async () => {
    const before = readFileSync(tokenFile(), 'utf8');
    chmodSync(tokenFile(), 0o644);
    const door = await openDoor();
    expect(readFileSync(tokenFile(), 'utf8')).not.toBe(before);
    expect(statSync(tokenFile()).mode & 0o777).toBe(0o600);
    await end(door);
  });

  test('a door without an admin listener has no page', async () => {
    const port = await freePort();
    const door = site.start(['proxy', '--port', String(port), '--no-admin']);
    await until('it answers', () =>
      fetch(`http://127.0.0.1:${port}/`).then(
        () => true,
        () => false,
      ),
    );
    expect((await site.call(['dashboard'])).code).toBe(3);
    await end(door);
  });
});
