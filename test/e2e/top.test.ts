import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Overview } from '../../src/model/overview.ts';
import { sendSignal } from '../../src/process/terminate.ts';
import { textWidth } from '../../src/text-width.ts';
import { finish, openSite, ownProcesses, type Site } from '../helpers/cli.ts';
import { keepAsking } from '../helpers/load.ts';
import { needs, testWith } from '../helpers/needs.ts';
import { freePort } from '../helpers/redis.ts';
import { openPane, type Pane, type PaneOptions } from '../helpers/tmux.ts';
import { until } from '../helpers/until.ts';

/** A terminal as any shell wants it back. */
const asBefore = { alternate: false, cursor: true, wrap: true, mouse: false };
const ours = { alternate: true, cursor: false, wrap: false, mouse: false };

let site: Site;
let pane: Pane | null;

beforeAll(async () => {
  site = await openSite();
});
beforeEach(() => {
  pane = null;
});
afterEach(async () => {
  pane?.close();
  await site.clear();
});
afterAll(() => site.close());

async function openTop(options: PaneOptions = {}, line = 'meowctl top'): Promise<Pane> {
  pane = await openPane(site.env, options);
  pane.type(line);
  await pane.shows(/q quit|\? help/);
  return pane;
}

/** A door with its admin listener. @returns where it serves, and what ends it */
async function openDoor() {
  const [port, admin] = [await freePort(), await freePort()];
  const door = site.start(['proxy', '--port', String(port), '--admin-port', String(admin)]);
  const url = `http://127.0.0.1:${port}`;
  await until('the door serves', async () => (await fetch(url).catch(() => null))?.status === 200);
  return {
    url,
    async close() {
      door.kill('SIGTERM');
      await finish(door);
    },
  };
}

/** The pid of `top` itself. */
function topPid(): number {
  const isTop = (pid: number) =>
    execFileSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' })
      .trim()
      .endsWith(' top');
  const [pid] = ownProcesses(site.home).filter(isTop);
  if (pid === undefined) throw new Error('no top runs');
  return pid;
}

const rowsOf = (screen: readonly string[]) =>
  screen.filter((row) => /^[> ] [a-z2-9]{6} +\S/.test(row));

describe('top on a terminal', () => {
  testWith(
    needs.tmux,
    'shows the fleet through a door, spawns, destroys and quits by keys',
    async () => {
      await site.call(['spawn', '2']);
      const door = await openDoor();
      const { press, shows, ended, screen, modes } = await openTop();
      await shows(/door http:\/\/127\.0\.0\.1:\d+ \(\w{6}\)/);
      expect([modes(), rowsOf(screen()).length]).toEqual([ours, 2]);
      const load = keepAsking(door.url, { workers: 2, pauseMs: 5 });
      await shows(/^2 of 2 up {2}[1-9][\d.]*( k)? req\/s {2}p50 [\d.]+ ms/m);
      await shows(/^> \w{6} .* up .* [1-9]\d* .*[▂▃▄▅▆▇█]/m);
      await load.stop();
      press('s');
      await shows('Starts 1 server more');
      press('n');
      press('s');
      await shows('Starts 1 server more');
      press('y');
      await shows('✓ 1 server started');
      await shows(/^3 of 3 up/m);
      const [picked = ''] = /(?<=^> )\w{6}/m.exec(screen().join('\n')) ?? [];
      press('d');
      await shows(`${picked} (cat at `);
      press('y');
      await shows(`✓ server ${picked} is gone`);
      await shows(/^2 of 2 up/m);
      await shows(new RegExp(`${picked} was told to leave by top`));
      press('q');
      expect(await ended()).toBe(0);
      expect(modes()).toEqual(asBefore);
      expect((await site.list()).map(({ state }) => state)).toEqual(['up', 'up']);
      await door.close();
    },
  );

  testWith(
    needs.tmux,
    'without a door it counts what servers say, and takes the door that comes',
    async () => {
      const spawned = await site.call(['spawn', '--json']);
      const [server] = JSON.parse(spawned.stdout) as { url: string }[];
      const { shows, screen } = await openTop({ columns: 110 });
      await shows("no door: rates from the servers' own counts");
      const load = keepAsking(server?.url ?? '', { workers: 1, pauseMs: 5 });
      await shows(/^1 of 1 up {2}[1-9][\d.]*( k)? req\/s {2}\d+ open/m);
      await load.stop();
      const door = await openDoor();
      await shows(`door ${door.url}`);
      await door.close();
      await shows("no door: rates from the servers' own counts");
      expect(rowsOf(screen())).toHaveLength(1);
    },
  );

  testWith(needs.tmux, 'goes on while Redis is away, and says so', async () => {
    await site.call(['spawn']);
    const { press, shows, ended, screen } = await openTop();
    await shows(/^1 of 1 up/m);
    await site.redis.kill('SIGKILL');
    await shows(/Redis away since \d\d:\d\d:\d\d/);
    expect(rowsOf(screen())).toHaveLength(1);
    await site.redis.restart();
    await shows(/Redis [\d.]+ ms/);
    press('q');
    expect(await ended()).toBe(0);
  });

  testWith(
    needs.tmux,
    'opens while Redis is away with what a door here sees, and goes on once that is back',
    async () => {
      await site.call(['spawn']);
      const door = await openDoor();
      await site.redis.kill('SIGKILL');
      const { press, shows, ended, screen } = await openTop({ columns: 100 });
      await shows(/Redis away since \d\d:\d\d:\d\d {2}door http/);
      expect(rowsOf(screen())).toHaveLength(1);
      const { code, stdout, stderr } = await site.run(['top', '--json']);
      expect([code, (JSON.parse(stdout) as Overview).redis.connected]).toEqual([0, false]);
      expect(stderr).toMatch(/^meowctl: Redis at \S+ refused the connection\n/);
      await site.redis.restart();
      await shows(/Redis [\d.]+ ms/);
      await shows(/door \w{6} has Redis again/);
      press('q');
      expect(await ended()).toBe(0);
      await door.close();
    },
  );

  testWith(needs.tmux, 'picks, sorts, filters and helps by keys', async () => {
    await site.call(['spawn', '3']);
    const { press, shows, screen } = await openTop({ rows: 30 });
    await shows(/^3 of 3 up/m);
    const ids = () => rowsOf(screen()).map((row) => row.slice(2, 8));
    const byPort = ids();
    press('2', '2');
    await shows('PORT▼');
    await until('they are sorted', () => ids().join() === [...byPort].reverse().join());
    press('Escape');
    press('/');
    press(...(byPort[1] ?? ''));
    await shows(new RegExp(`^/${byPort[1]}`, 'm'));
    press('Enter');
    await until('one is shown', () => ids().join() === byPort[1]);
    press('Escape');
    await until('all are shown', () => ids().length === 3);
    press('End');
    await shows(new RegExp(`^> ${byPort[0]}`, 'm'));
    press('?');
    await shows('pick a server');
    press('x');
    await shows(/^3 of 3 up/m);
  });

  testWith(
    needs.tmux,
    'never breaks a line: 40 columns, another size meanwhile, wide names',
    async () => {
      const name = join(site.home, '猫の店の長い名前🐱🐱🐱.mjs');
      writeFileSync(name, 'export default (_, response) => response.end("ok");\n');
      await site.call(['spawn', '2', '--app', name]);
      const { shows, resize, screen, press, modes } = await openTop({ columns: 40, rows: 20 });
      for (const [columns, rows] of [
        [40, 20],
        [80, 24],
        [120, 40],
        [20, 8],
        [160, 50],
      ] as const) {
        resize(columns, rows);
        await until(
          'it has that size',
          () => screen().length === rows || screen().at(-1)?.startsWith('? help'),
        );
        await shows(/^> \w{6}/m);
        // It draws anew now and then, and a look may come between two writes of the terminal's.
        const whole = await until('it is drawn', () => {
          const now = screen();
          return now[0]?.startsWith('meowctl top') && rowsOf(now).length > 0 && now;
        });
        for (const row of whole) expect(textWidth(row)).toBeLessThan(columns);
      }
      await shows(/CPU.*APP/);
      await shows('猫の店の長い名前');
      press('q');
      await until('the shell has it', () => !modes().alternate);
      expect(
        screen()
          .filter((row) => !/READY>|meowctl top/.test(row))
          .join(''),
      ).toBe('');
    },
  );

  testWith(
    needs.tmux,
    'without UTF-8 it is all ASCII, and without colours it is as clear',
    async () => {
      await site.call(['spawn', '2']);
      const { screen, shows } = await openTop({ env: { LANG: 'C', NO_COLOR: '1' } });
      await shows(/^2 of 2 up/m);
      expect(screen().join('')).toMatch(/^[\u0020-\u007e]*$/);
      expect(rowsOf(screen()).filter((row) => row.startsWith('> '))).toHaveLength(1);
    },
  );
});

describe('the terminal is as it was', () => {
  testWith(needs.tmux, 'after each signal that a process hears of', async () => {
    await site.call(['spawn']);
    const opened = await openTop({}, 'ulimit -c 0; meowctl top');
    for (const [signal, code] of [
      ['SIGTERM', 0],
      ['SIGINT', 0],
      ['SIGHUP', 0],
      // Nobody acts on these: it ends by them, as any program does.
      ['SIGQUIT', 131],
      ['SIGABRT', 134],
    ] as const) {
      expect(opened.modes()).toEqual(ours);
      sendSignal(topPid(), signal);
      expect([signal, await opened.ended()]).toEqual([signal, code]);
      expect(opened.modes()).toEqual(asBefore);
      opened.type('meowctl top');
      await opened.shows('q quit');
    }
    const before = await withStty(opened);
    opened.type('meowctl top');
    await opened.shows('q quit');
    opened.press('C-c');
    expect(await opened.ended()).toBe(0);
    expect([opened.modes(), await opened.stty()]).toEqual([asBefore, before]);
  });

  testWith(
    needs.tmux,
    'while it is stopped, by Ctrl-Z or by a signal, and ours again by fg',
    async () => {
      await site.call(['spawn']);
      const { press, shows, type, ended, stty, modes, screen } = await openTop();
      const pid = topPid();
      press('C-z');
      expect(await ended()).toBeGreaterThan(128);
      expect(modes()).toEqual(asBefore);
      expect(await stty()).toContain(' icanon');
      type('fg');
      await shows(/^1 of 1 up/m);
      sendSignal(pid, 'SIGTSTP');
      expect(await ended()).toBeGreaterThan(128);
      expect(modes()).toEqual(asBefore);
      type('fg');
      await shows(/^1 of 1 up/m);
      // Nobody hears of this one: the shell writes where it finds the cursor.
      sendSignal(pid, 'SIGSTOP');
      await shows('Stopped');
      type('fg');
      await until('it has drawn all anew', () => !screen().join('').includes('Stopped'));
      expect(modes()).toEqual(ours);
      press('q');
      await until('the shell has it', () => !modes().alternate);
      expect(modes()).toEqual(asBefore);
    },
  );

  testWith(needs.tmux, 'after a mistake that nobody catches', async () => {
    await site.call(['spawn']);
    const hook = join(site.home, 'throws-later.cjs');
    writeFileSync(
      hook,
      'process.once("SIGUSR2", () => { throw new Error("nobody catches this"); });\n',
    );
    const { ended, shows, modes } = await openTop({ env: { NODE_OPTIONS: `--require ${hook}` } });
    expect(modes()).toEqual(ours);
    sendSignal(topPid(), 'SIGUSR2');
    expect(await ended()).toBeGreaterThan(0);
    expect(modes()).toEqual(asBefore);
    await shows('nobody catches this');
  });
});

/** Quits, and says how the terminal is set then. */
async function withStty({ press, ended, stty }: Pane): Promise<string> {
  press('q');
  await ended();
  return stty();
}

describe('top on a pipe', () => {
  test('prints the fleet once, and ends', async () => {
    await site.call(['spawn', '2']);
    const { code, stdout, stderr } = await site.run(['top']);
    expect([code, stderr]).toEqual([0, '']);
    const [first = '', totals = ''] = stdout.split('\n');
    expect(first).toMatch(/^meowctl top {2}[\d:]{8} {2}no door: .* {2}Redis [\d.]+ ms {2}at 127/);
    expect(totals).toMatch(/^2 of 2 up {2}[\d.]+ req\/s {2}\d+ open/);
    const rows = rowsOf(stdout.split('\n'));
    expect(rows).toHaveLength(2);
    // P50, P99 and 5XX: only doors know them.
    for (const row of rows) expect(row).toMatch(/ – +– +– +\d+ /);
    expect(stdout).not.toContain('\u001b');
  });

  test('prints it as JSON, through a door with what that measured', async () => {
    await site.call(['spawn', '2']);
    const door = await openDoor();
    const { code, stdout, stderr } = await site.run(['top', '--json']);
    expect([code, stderr]).toEqual([0, '']);
    const overview = JSON.parse(stdout) as Overview;
    expect(overview.door.url).toBe(door.url);
    expect(overview.servers.map(({ state, app, here }) => [state, app, here])).toEqual([
      ['up', 'cat', true],
      ['up', 'cat', true],
    ]);
    await door.close();
  });

  test('says that there are no servers', async () => {
    const { code, stderr } = await site.run(['top']);
    expect([code, stderr]).toEqual([0, 'no servers: start one with `meowctl spawn`\n']);
  });

  test('shows escapes that stand in Redis by their codes', async () => {
    const raw = new Redis(site.redis.url);
    const { stdout } = await site.call(['spawn', '--json']);
    const [server] = JSON.parse(stdout) as { id: string }[];
    const id = server?.id ?? '';
    const record = JSON.parse((await raw.hget('{meow}:servers', id)) ?? '{}');
    const tampered = JSON.stringify({ ...record, id: 'zzzzzz', app: 'evil\u001b[2J\u0007' });
    await raw.hset('{meow}:servers', 'zzzzzz', tampered);
    await raw.zadd('{meow}:leases', Date.now() + 3_600_000, 'zzzzzz');
    const printed = await site.run(['top']);
    raw.disconnect();
    expect(printed.stdout).toContain('evil\\u001b[2J\\u0007');
  });

  test('fails like the others without Redis, and knows its flags', async () => {
    await site.redis.kill('SIGKILL');
    const gone = await site.run(['top', '--json']);
    await site.redis.restart();
    expect([gone.code, gone.stdout]).toEqual([4, '']);
    const wrong = await site.run(['top', '--jsno']);
    expect([wrong.code, wrong.stderr.split('\n')[0]]).toEqual([
      2,
      'meowctl: unknown option "--jsno"',
    ]);
  });
});
