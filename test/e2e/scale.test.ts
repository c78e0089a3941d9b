import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { size } from '../../src/cli/flags/values.ts';
import { answering, type FleetSite, openFleetSite } from '../helpers/fleet-site.ts';
import { until } from '../helpers/until.ts';

let site: FleetSite;

beforeAll(async () => {
  site = await openFleetSite();
});
afterEach(() => site.clear());
afterAll(() => site.close());

const scale = (count: number) => site.call(['scale', String(count), '--json']);

describe('scale', () => {
  test('starts and retires until this host runs so many, remembers what 0 stops, and does nothing the second time', async () => {
    for (const [count, started, retired] of [
      [2, 2, 0],
      [2, 0, 0],
      [0, 0, 2],
      [0, 0, 0],
    ] as const) {
      const { code, stdout, stderr } = await scale(count);
      expect([code, JSON.parse(stdout).length]).toEqual([0, count]);
      expect(stderr).toBe(`${count} serve here: ${started} started, ${retired} retired\n`);
      expect(await site.liveNow()).toHaveLength(count);
      expect(await site.desiredServers()).toHaveLength(2);
    }
    const listed = await site.list();
    expect(listed.map(({ state }) => state)).toEqual(['stopped', 'stopped']);
    expect((await scale(2)).code).toBe(0);
    expect((await site.list()).map(({ state }) => state)).toEqual(['up', 'up']);
  });

  test('starts more of the app that runs here, known by what it is given, and asks which of several', async () => {
    const app = site.write('more.mjs', answering('more'));
    // In whatever order Redis has them.
    const given = ['ZED=1', 'ALPHA=2', 'MID=3', 'B=4'].flatMap((pair) => ['--env', pair]);
    const [, stopped] = await site.spawn('2', '--app', app, ...given);
    process.kill(stopped?.pid ?? Number.NaN, 'SIGTERM');
    await until('it has stopped', async () =>
      (await site.desiredServers()).some(({ state }) => state === 'stopped'),
    );
    expect(await scale(2)).toMatchObject({ code: 0 });
    const rows = await site.liveNow();
    expect(rows).toHaveLength(2);
    for (const { url } of rows) expect(await (await fetch(url)).text()).toBe('more');
    await site.spawn('--app', 'cat');
    for (const args of [['scale', '6'], ['scale', '1'], ['spawn']]) {
      const { code, stderr } = await site.call(args);
      expect([code, stderr]).toEqual([
        2,
        expect.stringMatching(/several apps .*more\.mjs", "cat"|several apps .*"cat", ".*more/),
      ]);
    }
    expect(await site.liveNow()).toHaveLength(3);
  });

  test('of one app leaves another alone, and what ran last is what comes back', async () => {
    const [one, two] = ['one', 'two'].map((word) => site.write(`${word}.mjs`, answering(word)));
    if (!one || !two) throw new Error('no apps');
    const words = async () => {
      const answers = (await site.liveNow()).map(async ({ url }) => (await fetch(url)).text());
      return (await Promise.all(answers)).sort().map((each) => each.split(' ')[0]);
    };
    await site.spawn('--app', one, '--env', 'KEY=1');
    expect((await scale(0)).code).toBe(0);
    const [{ state, app } = {}] = await site.list();
    expect([state, app]).toEqual(['stopped', one]);
    await site.spawn('--app', two);
    const grown = await site.call(['scale', '2', '--app', two, '--json']);
    expect([grown.code, await words()]).toEqual([0, ['two', 'two']]);
    // Named beside the other, with the settings it had.
    expect((await site.call(['scale', '1', '--app', one])).code).toBe(0);
    expect(await words()).toEqual(['one', 'two', 'two']);
    expect((await site.call(['scale', '0', '--app', two])).stderr).toContain('0 serve here');
    expect(await words()).toEqual(['one']);
    await site.spawn();
    expect(await words()).toEqual(['one', 'one']);
    expect((await site.list()).map(({ state }) => state).sort()).toEqual([
      'stopped',
      'stopped',
      'up',
      'up',
    ]);
    const { stderr } = await site.call(['destroy']);
    expect(stderr).toBe(`picked at random: it served "${one}"\n`);
  });

  test('set to none twice at once stops each server once, and forgets none', async () => {
    await site.spawn('2');
    const both = await Promise.all([scale(0), scale(0)]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect((await site.desiredServers()).map(({ state }) => state)).toEqual(['stopped', 'stopped']);
    expect((await site.list()).map(({ state }) => state)).toEqual(['stopped', 'stopped']);
  });

  test('set twice at once is the number that was set, also while Redis has forgotten who lives', async () => {
    const both = await Promise.all([scale(2), scale(2)]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    await until('two serve', async () => (await site.liveNow()).length === 2);
    expect(await site.desiredServers()).toHaveLength(2);
    expect(await site.list()).toHaveLength(2);
    await site.raw.del('{meow}:leases');
    expect((await scale(2)).stderr).toContain('0 started, 0 retired');
  });

  test('a number that is none is refused by name', async () => {
    for (const text of ['-1', 'x', '501', '1.5']) expect(() => size(text)).toThrow(`"${text}"`);
    const { code, stderr } = await site.call(['scale', '--', '-1']);
    expect([code, stderr]).toEqual([2, expect.stringContaining('"-1"')]);
  });
});
