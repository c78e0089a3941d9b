import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Row } from '../../src/cli/output/rows.ts';
import { APPS, type AppSite, openAppSite, text } from '../helpers/app-site.ts';
import { keepAsking } from '../helpers/load.ts';
import { thorough } from '../helpers/needs.ts';
import { freePort } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';

const APP = join(APPS, 'health.mjs');

let site: AppSite;
beforeAll(async () => {
  site = await openAppSite();
});
afterEach(() => site.clear());
afterAll(() => site.close());

const verdictOn = async ({ id }: Row) =>
  (await site.list()).find((row) => row.id === id)?.doors[0] ?? '';

describe('--health', () => {
  test('of a module that is not well: exit 5 with what it answered; a roll stops, the old one serves', async () => {
    // As a release that has gone wrong: the same name, another answer.
    const release = join(site.home, 'release.mjs');
    writeFileSync(release, readFileSync(APP));
    const flags = ['--app', release, '--health', '/up', '--ready-timeout', '10'];
    const row = await site.spawn(flags);
    expect(await text(`${row.url}/up`)).toContain('at /up');
    writeFileSync(release, 'export default (_, answer) => answer.writeHead(500).end();\n');
    const short = [...flags.slice(0, -1), '2'];
    const runs = [['restart'], ['spawn', ...short], ['spawn', ...short, '--health-status', '500']];
    const [rolled, spawned, wanted] = await Promise.all(runs.map((words) => site.run(words)));
    expect([rolled?.code, spawned?.code, wanted?.code]).toEqual([5, 5, 0]);
    const said = /module ".*release\.mjs" still answers GET \/up with 500 after \d+\.\d s/;
    expect(rolled?.stderr).toMatch(said);
    expect(spawned?.stderr).toMatch(said);
    const ids = (await site.list()).map(({ id }) => id);
    expect([ids.length, ids.includes(row.id)]).toEqual([2, true]);
    expect(await text(`${row.url}/up`)).toContain('at /up');
  });
});

test.runIf(thorough)(
  'a hung program, a hung module, and a page that turns 500 leave the rotation and fail no GET; a slow one stays',
  async () => {
    const port = await freePort();
    site.start(['proxy', '--port', String(port), '--no-admin']);
    const health = ['--health', '/up'];
    const program = ['--', process.execPath, APP, '{port}'];
    const [stopped, broken, looping, slow] = await Promise.all([
      site.spawn([...health, ...program]),
      site.spawn([...health, ...program]),
      site.spawn(['--app', APP]),
      site.spawn([...health, '--app', APP]),
    ]);
    if (!stopped || !broken || !looping || !slow) throw new Error('no server');
    await until('the door uses them', async () =>
      (await site.list()).every(({ doors }) => doors[0] === 'usable'),
    );
    const pid = Number(/mjs (\d+)/.exec(await text(stopped.url))?.[1]);
    await text(`${slow.url}/set?page=late&app=late`);
    const asking = keepAsking(`http://127.0.0.1:${port}/`, { pauseMs: 50 });
    process.kill(pid, 'SIGSTOP');
    const out = async (row: Row) => (await verdictOn(row)).startsWith('out');
    await until('it is out', () => out(stopped));
    expect(await verdictOn(stopped)).toBe('out: its app does not answer GET /up');
    const ofRow = (await site.list()).find(({ id }) => id === stopped.id);
    expect(ofRow).toMatchObject({ state: 'up', failing: 'does not answer GET /up' });
    process.kill(pid, 'SIGCONT');
    void text(`${looping.url}/loop`).catch(() => {});
    await text(`${broken.url}/set?page=500`);
    await until('they are out', async () => (await out(looping)) && (await out(broken)));
    await until('it is back', async () => (await verdictOn(stopped)) === 'usable');
    expect(await verdictOn(broken)).toBe('out: its app answers GET /up with 500');
    expect(await verdictOn(slow)).toBe('usable');
    const { failures, sent } = await asking.stop();
    expect(failures).toEqual([]);
    expect(sent).toBeGreaterThan(0);
  },
);
