import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Context } from '../../src/cli/context/context.ts';
import { readServeFlags } from '../../src/cli/flags/serve-flags.ts';
import { addServe } from '../../src/cli/verbs/serve.ts';
import { catSpec } from '../../src/model/app-spec.ts';
import type { Store } from '../../src/store/store.ts';
import { PROGRAM, text } from '../helpers/app-site.ts';
import { ROOT } from '../helpers/package.ts';
import { freePort, startRedis, type TestRedis } from '../helpers/redis.ts';
import { openStore } from '../helpers/store.ts';
import { until } from '../helpers/until.ts';

describe('the server beside a program', () => {
  let redis: TestRedis;
  let store: Store;
  let folder: string;
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    redis = await startRedis();
    store = await openStore(redis.url);
    folder = mkdtempSync(join(tmpdir(), 'meow-test-slim-'));
    for (const part of ['bin', 'dist', 'package.json']) {
      cpSync(join(ROOT, part), join(folder, part), { recursive: true });
    }
    for (const name of readdirSync(join(folder, 'dist'))) {
      if (name.endsWith('.cache')) rmSync(join(folder, 'dist', name));
    }
    const whole = "(function () { process.stderr.write('all of it'); process.exitCode = 99; })";
    writeFileSync(join(folder, 'dist', 'meowctl.cjs'), whole);
  });
  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL');
    await store.close();
    await redis.stop();
    rmSync(folder, { recursive: true });
  });

  function run(words: readonly string[], more: Record<string, string> = {}) {
    const home = { REDIS_URL: redis.url, MEOW_HOME: join(folder, 'home') };
    const child = spawn(process.execPath, [join(folder, 'bin', 'meowctl.js'), 'serve', ...words], {
      env: { PATH: process.env.PATH, ...home, ...more },
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    });
    children.push(child);
    let said = '';
    child.stderr?.on('data', (chunk) => {
      said += chunk;
    });
    return { child, said: () => said };
  }

  const command = [process.execPath, PROGRAM, '{port}'];
  const program = { ...catSpec, kind: 'program', command, cwd: tmpdir() };
  test.each<[string, string[], Record<string, string>]>([
    ['by hand', ['--', ...command], {}],
    ['as spawn starts it', ['--id', 'aaaaaa', '--spawned'], { MEOW_APP: JSON.stringify(program) }],
  ])('serves and leaves without the bundle of all verbs, %s', async (_, words, more) => {
    const port = await freePort();
    const { child, said } = run(['--port', String(port), ...words], more);
    const exit = once(child, 'exit');
    const answer = () => text(`http://127.0.0.1:${port}/`).catch(() => null);
    const served = async () => child.exitCode === null && (await answer())?.includes('program');
    await until(`it serves; ${said()}`, async () => child.exitCode !== null || (await served()));
    // Its page answers before it registers, and only from then on does it leave in order.
    await until(`it is registered; ${said()}`, async () => {
      const { servers } = await store.registry.fleet();
      return child.exitCode !== null || servers.some(({ record }) => record.port === port);
    });
    expect(said()).not.toContain('all of it');
    child.kill('SIGTERM');
    expect(await exit).toEqual([0, null]);
  });

  test.each([
    ['another app', ['--id', 'aaaaaa']],
    ['a spawned one that is told of none', ['--spawned', '--id', 'aaaaaa', '--', 'true']],
    ['help', ['--help', '--', 'true']],
    ['a slip', ['--prot', '3001', '--', 'true']],
    ['a stack to print', ['--debug', '--', 'true']],
  ])('leaves %s to that bundle', async (_, words) => {
    const { child, said } = run(words);
    expect(await once(child, 'close')).toEqual([99, null]);
    expect(said()).toBe('all of it');
  });
});

describe('the flags of serve', () => {
  const declared = () => {
    const program = new Command();
    addServe(program, {} as Context);
    return program.commands[0] as Command;
  };
  const asCommanderReads = (words: readonly string[]) => {
    const verb = declared();
    verb.parseOptions([...words]);
    return verb.opts();
  };

  test('are known without commander, all but the one that names another app', () => {
    const unread = declared()
      .options.filter(({ long, required }) => {
        const words = [String(long), ...(required ? [sample(String(long))] : [])];
        return readServeFlags(words) === null;
      })
      .map(({ long }) => long);
    expect(unread).toEqual(['--app']);
  });

  test.each([
    [''],
    ['--port 3005 --host 0.0.0.0 --advertise cat.example --drain 2.5'],
    ['--drain-timeout 2.5'],
    ['--drain 1 --drain 2'],
    ['--id abcdef --spawned --of-up --first-port=3001 --replaces bbbbbb --standby'],
    ['--env A=1 --env B=x=y --env-file f --env-all --cwd /tmp'],
    ['--health /up --health-status 200-399 --port 1 --port 2'],
    ['--drain-signal SIGUSR2 --kill-timeout 30 --no-http'],
  ])('mean the same to both: %s', (line) => {
    const words = line.split(' ').filter(Boolean);
    expect(readServeFlags(words)).toEqual(asCommanderReads(words));
  });

  test.each([
    '--port x',
    '--port',
    '--host',
    '--drain -1',
    '--drain-timeout x',
    '--drain 1 --drain-timeout 2',
    '--id A',
    'word',
    '--nope',
    '--spawned=1',
  ])('that are not right are left to it: %s', (line) => {
    expect(readServeFlags(line.split(' '))).toBeNull();
  });
});

/** A value that the flag takes. */
function sample(flag: string): string {
  const values: Record<string, string> = {
    '--id': 'aaaaaa',
    '--replaces': 'aaaaaa',
    '--health': '/up',
    '--health-status': '200',
    '--host': 'localhost',
    '--drain-signal': 'SIGUSR2',
    '--advertise': 'localhost',
  };
  return values[flag] ?? '3001';
}
