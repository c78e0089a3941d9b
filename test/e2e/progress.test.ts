import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { bytesInWords } from '../../src/cli/progress/elapsed.ts';
import { textWidth } from '../../src/text-width.ts';
import { openSite, type Result, type Site } from '../helpers/cli.ts';
import { needs, testWith, thorough } from '../helpers/needs.ts';
import { unpackOldVersion } from '../helpers/old-version.ts';
import { freePort } from '../helpers/redis.ts';
import { openPane, type Pane, type PaneOptions } from '../helpers/tmux.ts';

const PICTURE = join(import.meta.dirname, '..', '..', 'img', 'night.png');
const MARKED = /^(✓|✗|…) /;

let site: Site;
let pane: Pane | null = null;

beforeAll(async () => {
  site = await openSite();
  writeFileSync(join(site.home, 'fails.mjs'), 'process.exit(3);\n');
  writeFileSync(join(site.home, 'hangs.mjs'), 'setInterval(() => {}, 1_000);\n');
});
afterEach(async () => {
  pane?.close();
  pane = null;
  await site.clear();
});
afterAll(() => site.close());

async function open(options: PaneOptions = {}): Promise<Pane> {
  pane = await openPane(site.env, options);
  pane.type(`cd '${site.home}'`);
  await pane.ended();
  return pane;
}

/** A terminal as any shell wants it back. */
const asBefore = { alternate: false, cursor: true, wrap: true, mouse: false };

const marked = (rows: readonly string[]) => rows.filter((row) => MARKED.test(row));

describe('on a terminal', () => {
  testWith(
    needs.tmux,
    'each server that starts has a line that turns, above the table',
    async () => {
      const { type, ended, screen, modes } = await open();
      type('meowctl spawn 3');
      expect(await ended()).toBe(0);
      const rows = marked(screen());
      const ids = (await site.list()).map(({ id, url }) => `✓ ${id}  serves ${url}`);
      expect(rows.map((row) => row.replace(/ {2}[\d.]+ s$/, '')).sort()).toEqual(ids.sort());
      expect(screen().findIndex((row) => row.startsWith('ID '))).toBeGreaterThan(
        screen().findLastIndex((row) => MARKED.test(row)),
      );
      expect(modes()).toEqual(asBefore);
    },
  );

  testWith(needs.tmux, 'a roll, a retreat and the end are told server by server', async () => {
    const { type, ended, screen } = await open();
    await site.run(['spawn', '3']);
    type('meowctl restart');
    expect(await ended()).toBe(0);
    const replaced = /^✓ \w{6} {2}was replaced: \w{6} serves http:\/\/\S+ {2}[\d.]+ s$/;
    expect(marked(screen()).filter((row) => replaced.test(row))).toHaveLength(3);
    type('meowctl scale 1');
    expect(await ended()).toBe(0);
    const gone = /^✓ \w{6} {2}is gone {2}[\d.]+ s$/;
    expect(screen().filter((row) => gone.test(row))).toHaveLength(2);
    type('meowctl destroy --all');
    expect(await ended()).toBe(0);
    expect(screen().filter((row) => gone.test(row))).toHaveLength(3);
  });

  testWith(needs.tmux, 'a server that fails says why on its line, which never breaks', async () => {
    const { type, ended, history, modes } = await open({ columns: 40, rows: 30 });
    type('meowctl spawn 2 -- node fails.mjs');
    expect(await ended()).toBe(5);
    const rows = marked(history());
    expect(rows).toHaveLength(2);
    for (const row of rows) {
      expect(row).toMatch(/^✗ \w{6} {2}program "node" ended with.*…$/);
      expect(textWidth(row)).toBeLessThan(40);
    }
    expect(modes()).toEqual(asBefore);
  });

  testWith(needs.tmux, 'lines of a log that come between leave each line whole', async () => {
    const { type, ended, history } = await open({ columns: 200, env: { MEOW_DEBUG: 'fleet' } });
    type('meowctl spawn 4');
    expect(await ended()).toBe(0);
    const rows = history();
    expect(marked(rows)).toHaveLength(4);
    expect(rows.filter((row) => /^\S+Z FLEET \d+: spawns server/.test(row))).toHaveLength(4);
    expect(rows.filter((row) => row.includes('✓') && !MARKED.test(row))).toEqual([]);
  });

  testWith(needs.tmux, 'Ctrl-C ends it with 130 and leaves a terminal as it was', async () => {
    const { type, press, shows, ended, stty, screen, modes } = await open();
    const before = await stty();
    type('meowctl spawn 2 --ready-timeout 300 -- node hangs.mjs {port}');
    await shows(/(… \w{6} {2}starts {2}[1-9].*\n?){2}/);
    press('C-c');
    expect(await ended()).toBe(130);
    expect(marked(screen()).every((row) => row.startsWith('✗'))).toBe(true);
    expect([modes(), await stty()]).toEqual([asBefore, before]);
  });

  testWith(needs.tmux, 'after Ctrl-Z and fg it goes on below what the shell has said', async () => {
    const { type, press, shows, ended, history } = await open();
    type('meowctl spawn 2 --ready-timeout 300 -- node hangs.mjs {port}');
    await shows(/(… \w{6} {2}starts {2}[1-9].*\n?){2}/);
    press('C-z');
    expect(await ended()).toBeGreaterThan(128);
    type('fg');
    await shows(/fg\n.*meowctl spawn.*\n… \w{6} {2}starts/);
    press('C-c');
    expect(await ended()).toBe(130);
    expect(history().join('\n')).toMatch(/Stopped .*meowctl spawn/);
  });

  testWith(needs.tmux, 'a narrower window breaks no line, and a wider one shows more', async () => {
    const { type, press, shows, ended, resize, screen } = await open({ columns: 100 });
    type('meowctl spawn 3 --ready-timeout 300 -- node hangs.mjs {port}');
    await shows(/(… \w{6} {2}starts {2}[1-9].*\n?){3}/);
    resize(14, 24);
    await shows(/(… \w{6} {2}st…\n?){3}/);
    resize(90, 24);
    await shows(/(… \w{6} {2}starts {2}[\d.]+ s\n?){3}/);
    expect(marked(screen())).toHaveLength(3);
    press('C-c');
    expect(await ended()).toBe(130);
  });

  testWith(needs.tmux, 'without UTF-8 all of it is ASCII', async () => {
    const { type, ended, screen } = await open({ env: { LANG: 'C' } });
    type('meowctl spawn 2');
    expect(await ended()).toBe(0);
    expect(screen().filter((row) => /^ok {3}\w{6} {2}serves http/.test(row))).toHaveLength(2);
    expect(screen().join('')).toMatch(/^[\u0020-\u007e]*$/);
  });

  testWith(needs.tmux, 'one that can only print gets each line once, at its end', async () => {
    const { type, ended } = await open();
    const said = join(site.home, 'said');
    type(`TERM=dumb script -qfc 'meowctl spawn 2' '${said}' >/dev/null`);
    expect(await ended()).toBe(0);
    const text = readFileSync(said, 'utf8');
    expect(text.match(/✓ \w{6} {2}serves/g)).toHaveLength(2);
    expect(text).not.toMatch(/…|\u001b\[\??\d*[AJKhl]/);
  });

  testWith(needs.tmux, 'an upload has a bar that fills, with bytes and rate', async () => {
    const { type, ended, screen } = await open();
    type(`meowctl upload '${PICTURE}' '${PICTURE}'`);
    expect(await ended()).toBe(0);
    const size = bytesInWords(2 * statSync(PICTURE).size);
    const bar = screen().find((row) => row.startsWith('✓')) ?? '';
    expect(bar).toMatch(/^✓ ━{30} {2}2\/2 {2}(.+) of \1 {2}[\d.]+ [kM]?B\/s {2}[\d.]+ s$/);
    expect(bar).toContain(size);
  });

  testWith(
    needs.tmux,
    'up shows its servers as they start, and as they leave at Ctrl-C',
    async () => {
      const { type, press, shows, ended, history, modes } = await open({ rows: 40 });
      const [port, adminPort] = [await freePort(), await freePort()];
      type(`meowctl up -n 2 --port ${port} --admin-port ${adminPort}`);
      await shows('Ctrl-C stops the door');
      press('C-c');
      expect(await ended()).toBe(0);
      const rows = marked(history());
      expect(rows.filter((row) => /^✓ \w{6} {2}serves http/.test(row))).toHaveLength(2);
      expect(rows.filter((row) => /^✓ \w{6} {2}is gone/.test(row))).toHaveLength(2);
      expect(modes()).toEqual(asBefore);
    },
  );
});

/** What differs from run to run: ids, pids, ports, times, and so the widths of columns. */
function told({ code, stdout, stderr }: Result) {
  const alike = (text: string) =>
    text
      .replace(/^[\w-]{12}(?= {2}night)/gm, 'PICTURE')
      .replace(
        /\b(?=[a-z]*[2-9])[a-z2-9]{6}\b|(?<=^|server |\/)[a-z]{6}(?= {2}http|:|\.log)/gm,
        'ID',
      )
      .replace(/:\d{4,5}\b/g, ':PORT')
      .replace(/\b\d+s\b/g, 'TIME')
      .replace(/(?<=TIME +)\d+/g, 'PID')
      .replace(/(port|pid) \d+/g, '$1 N')
      .replace(/ +/g, ' ');
  return { code, stdout: alike(stdout), stderr: alike(stderr) };
}

describe('on a pipe', () => {
  const lines = [
    ['spawn', '3', '--timeout', '120'],
    ['restart'],
    ['scale', '2'],
    ['upload', PICTURE, PICTURE],
    ['spawn', '--timeout', '120', '--', 'node', 'fails.mjs'],
    ['destroy', '--all'],
    ['destroy', '--all'],
    ['scale', '1'],
    ['scale', '0'],
  ];

  test.runIf(thorough)('not a byte is another than before there were any such lines', async () => {
    const old = unpackOldVersion(site, 'before');
    const toldBy = async (run: (args: readonly string[]) => Promise<Result>) => {
      const said = [];
      for (const args of lines) said.push({ verb: args.join(' '), ...told(await run(args)) });
      await site.clear();
      return said;
    };
    const before = await toldBy((args) => old.run(args)).finally(() => old.remove());
    expect(before.map(({ code }) => code)).toEqual([0, 0, 0, 0, 5, 0, 0, 0, 0]);
    expect(await toldBy((args) => site.run(args))).toEqual(before);
  });
});
