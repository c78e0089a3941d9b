import { type ChildProcess, spawn } from 'node:child_process';
import { constants, copyFileSync, cpSync, linkSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { identify } from '../../src/process/identity.ts';
import { type AppSite, openAppSite } from '../helpers/app-site.ts';
import { BIN } from '../helpers/cli.ts';
import { until } from '../helpers/until.ts';

let site: AppSite;
let keeper: ChildProcess;
let said: string;

beforeAll(async () => {
  site = await openAppSite();
});
beforeEach(() => {
  said = '';
});
afterEach(async () => {
  keeper.kill('SIGKILL');
  await site.clear();
  for (const folder of ['old', 'new', 'bin']) {
    rmSync(join(site.home, folder), { recursive: true, force: true });
  }
});
afterAll(() => site.close());

/** A Node and a meowctl of their own, as a version manager installs them. */
function install(version: string): { node: string; cli: string } {
  const folder = join(site.home, version);
  mkdirSync(join(folder, 'bin'), { recursive: true });
  const node = join(folder, 'bin', 'node');
  linkOrCopy(process.execPath, node);
  const root = dirname(dirname(BIN));
  for (const part of ['bin', 'dist', 'package.json']) {
    cpSync(join(root, part), join(folder, 'lib', part), { recursive: true });
  }
  return { node, cli: join(folder, 'lib', 'bin', 'meowctl.js') };
}

// A hundred megabytes, where it cannot be linked.
function linkOrCopy(file: string, to: string): void {
  try {
    linkSync(file, to);
  } catch {
    copyFileSync(file, to, constants.COPYFILE_FICLONE);
  }
}

function startKeeper({ node, cli }: { node: string; cli: string }, path: string): void {
  const env = { ...site.env, PATH: path };
  keeper = spawn(node, [cli, 'keep'], { env, cwd: '/', stdio: ['ignore', 'ignore', 'pipe'] });
  keeper.stderr?.on('data', (chunk) => {
    said += chunk;
  });
}

describe('where Node and meowctl were taken away under a keeper', () => {
  test('it starts servers with what they are now', async () => {
    const bin = join(site.home, 'bin');
    mkdirSync(bin);
    startKeeper(install('old'), `${bin}:/nowhere`);
    const { stdout } = await site.call(['spawn', '--json']);
    const [row] = JSON.parse(stdout) as [{ id: string; pid: number }];
    await until('it keeps', () => said.includes('keeping'));
    const { node, cli } = install('new');
    symlinkSync(node, join(bin, 'node'));
    symlinkSync(cli, join(bin, 'meowctl'));
    rmSync(join(site.home, 'old'), { recursive: true });
    process.kill(row.pid, 'SIGKILL');
    const next = await until('it serves again', async () =>
      (await site.list()).find(({ id, state }) => id !== row.id && state === 'up'),
    );
    expect(identify(next.pid)?.commandLine.slice(0, 3)).toEqual([join(bin, 'node'), cli, 'serve']);
  });

  test.each([
    ['Node', 'bin/node', 'Node is gone from ".*", and none on PATH is 20.19 or newer'],
    ['meowctl', 'lib', 'meowctl is gone from ".*", and none is on PATH'],
  ])('and %s is nowhere, it says so, and what to do', async (_, part, message) => {
    const bin = join(site.home, 'bin');
    mkdirSync(bin);
    symlinkSync('/bin/true', join(bin, 'node')); // not one that we can use
    symlinkSync('/bin/true', join(bin, 'meowctl'));
    startKeeper(install('old'), bin);
    const { stdout } = await site.call(['spawn', '--json']);
    const [row] = JSON.parse(stdout) as [{ id: string; pid: number }];
    await until('it keeps', () => said.includes('keeping'));
    rmSync(join(site.home, 'old', part), { recursive: true });
    process.kill(row.pid, 'SIGKILL');
    const sentence = new RegExp(`${message}. Install it, then start .meowctl up. or .keep. again`);
    await until('it says so', () => sentence.test(said));
    expect((await site.call(['logs', row.id])).stdout).toMatch(sentence);
  });
});
