import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect } from 'vitest';
import type { Row } from '../../src/cli/output/rows.ts';
import { openSite, type Site } from '../helpers/cli.ts';
import { type Need, needs, testWith } from '../helpers/needs.ts';
import { openShell, type Shell, type ShellName, shellEnv } from '../helpers/shells.ts';

/** Ctrl-U: what was typed is gone. */
const CLEAR = '\u0015';
const BAITS = [
  (file: string) => `$(touch ${file})`,
  (file: string) => `\`touch ${file}\``,
  (file: string) => `(touch ${file})`,
  (file: string) => `; touch ${file};`,
];

let site: Site;
let servers: Row[];
let env: Record<string, string>;
let folder: string;

beforeAll(async () => {
  site = await openSite();
  env = shellEnv(site);
  folder = mkdtempSync(join(tmpdir(), 'meow-test-shell-'));
  writeFileSync(join(folder, 'a picture.jpg'), '');
  writeFileSync(join(folder, 'app-of-mine.mjs'), '');
  mkdirSync(join(folder, 'a-folder'));
  const { code } = await site.call(['spawn', '2']);
  expect(code).toBe(0);
  servers = await site.list();
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await site.close();
});

const shells: readonly (readonly [ShellName, Need])[] = [
  ['bash', needs.script],
  ['zsh', needs.zsh],
  ['fish', needs.fish],
];

describe.each(shells)('in %s, Tab', (name, need) => {
  let shell: Shell | null = null;
  beforeEach(async () => {
    if (need.isHere() && needs.script.isHere()) shell = await openShell(name, env, folder);
  });
  afterEach(async () => {
    await shell?.close();
    shell = null;
  });
  const tab = (title: string, run: (shell: Shell) => Promise<void>) =>
    testWith(need, title, async () => {
      if (shell) await run(shell);
    });

  tab('completes a verb, a flag, and one of few values, joined to its flag too', async (shell) => {
    shell.type('meowctl listse\t--js\t\r');
    await shell.shows('RAN[listservers]RAN[--json]');
    shell.type('meowctl proxy --bal\tleast\t--retry=conn\t\r');
    await shell.shows('RAN[proxy]RAN[--balance]RAN[least-inflight]RAN[--retry=connect]');
  });

  tab('shows ids and ports of the servers there are, and completes them', async (shell) => {
    const [one, other] = servers as [Row, Row];
    shell.type('meowctl destroy \t\t');
    await shell.shows(one.id, other.id, String(one.port), String(other.port));
    shell.type(`${CLEAR}meowctl destroy ${one.id.slice(0, 5)}\t${other.id.slice(0, 5)}\t\r`);
    await shell.shows(`RAN[destroy]RAN[${one.id}]RAN[${other.id}]`);
  });

  tab('completes files and folders where they are meant, with blanks in names', async (shell) => {
    shell.type('meowctl upload a\\ p\t\r');
    await shell.shows('RAN[upload]RAN[a picture.jpg]');
    shell.type('meowctl spawn --cwd a-fol\t --app=app-of\t\r');
    await shell.shows('RAN[spawn]RAN[--cwd]RAN[a-folder', 'RAN[--app=app-of-mine.mjs]');
  });

  tab('completes programs behind --, then files', async (shell) => {
    shell.type('meowctl spawn -- redis-benchm\tapp-of\t\r');
    await shell.shows('RAN[spawn]RAN[--]RAN[redis-benchmark]RAN[app-of-mine.mjs]');
  });

  tab('runs nothing of what is typed, nor of what stands in Redis', async (shell) => {
    const bait = join(folder, 'was-run');
    const raw = new Redis(site.redis.url);
    const [one] = servers as [Row, Row];
    const tampered = { ...one, id: 'bait22', app: BAITS.map((run) => run('was-run')).join(' ') };
    await raw.hset('{meow}:servers', 'bait22', JSON.stringify(tampered));
    await raw.hset('{meow}:servers', '$(touch was-run)', JSON.stringify(tampered));
    shell.type('meowctl destroy bai\t\r');
    await shell.shows('RAN[destroy]RAN[bait22]');
    for (const run of BAITS) {
      shell.type(`meowctl destroy "${run('was-run')}" --al\t`);
      shell.type(`${CLEAR}meowctl listse\t\r`);
      await shell.shows('RAN[listservers]');
    }
    await raw.hdel('{meow}:servers', 'bait22', '$(touch was-run)');
    raw.disconnect();
    expect(existsSync(bait)).toBe(false);
  });

  tab('asks the meowctl on PATH, not one that lies in this folder', async (shell) => {
    const here = join(folder, 'meowctl');
    writeFileSync(here, '#!/bin/sh\ntouch was-run\n', { mode: 0o755 });
    shell.type('./meowctl listse\t');
    await shell.shows('listse');
    shell.type(`${CLEAR}meowctl listse\t\r`);
    await shell.shows('RAN[listservers]');
    rmSync(here);
    expect(existsSync(join(folder, 'was-run'))).toBe(false);
  });
});
