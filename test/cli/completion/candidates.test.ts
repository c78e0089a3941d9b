import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AppSpec } from '../../../src/model/app-spec.ts';
import { freePort, startRedis, type TestRedis } from '../../helpers/redis.ts';
import { runHere } from '../../helpers/run-here.ts';
import { openStore, sampleDesired, sampleRecord } from '../../helpers/store.ts';

let redis: TestRedis;
let raw: Redis;
let home: string;
let env: Record<string, string>;

const moduleSpec = (path: string): AppSpec => ({
  kind: 'module',
  path,
  cwd: '/',
  env: ['DECLARED'],
  envDigest: null,
  health: null,
});

beforeAll(async () => {
  redis = await startRedis();
  raw = new Redis(redis.url);
  home = mkdtempSync(join(tmpdir(), 'meow-test-completion-'));
  mkdirSync(join(home, 'logs'));
  writeFileSync(join(home, 'logs', 'gone22.log'), '');
  writeFileSync(join(home, 'app.mjs'), '');
  const probe = `redis://127.0.0.1:${await freePort()}`;
  env = { MEOW_HOME: home, REDIS_URL: redis.url, MEOW_REDIS_PROBE: probe, SET_HERE: '1' };
  const store = await openStore(redis.url);
  const spec = moduleSpec(join(home, 'app.mjs'));
  await store.registry.register(
    sampleRecord({ id: 'abc234', port: 3001 }),
    sampleDesired({ spec }),
  );
  const evil = 'a\tb\n$(touch x)`id`\u001b[31m;"\'\\';
  await store.registry.register(sampleRecord({ id: 'def234', port: 3002, app: evil }), null);
  await store.close();
});
afterAll(async () => {
  raw.disconnect();
  await redis.stop();
  rmSync(home, { recursive: true, force: true });
});

/** What a script gets: values, and the rule at the end. */
async function offered(words: readonly string[], over: Record<string, string> = {}) {
  const { code, stdout } = await runHere(['__complete', '--', ...words], { ...env, ...over });
  expect(code).toBe(0);
  const lines = stdout.trimEnd().split('\n');
  const rule = lines.pop();
  return { values: lines.map((line) => line.split('\t')[0]), lines, rule };
}

describe('a shell is offered', () => {
  test.each([
    ['the verbs and no hidden one', [''], ['up', 'listservers', 'ls', 'completion'], '__complete'],
    ['the verbs to be helped with', ['help', ''], ['up', 'destroy'], '__complete'],
    ['flags of the whole', ['-'], ['--version', '--help'], 'up'],
    ['flags of a verb and no hidden one', ['destroy', '--'], ['--all', '--help'], '--timeout'],
    ['no flag twice', ['destroy', '--all', '--'], ['--force'], '--all'],
    ['no flag by its other name', ['ls', '-q', '--'], ['--json'], '--quiet'],
    ['one of few values', ['up', '--balance', ''], ['round-robin', 'least-inflight'], '--balance'],
    ['one of few, joined', ['up', '-n', '2', '--retry='], ['connect', 'idempotent'], '--retry'],
    ['streams of a log', ['logs', '--stream', ''], ['stdout', 'stderr'], 'gone22'],
    ['signals', ['spawn', '--drain-signal', ''], ['SIGUSR2'], 'SIGTERM'],
    ['ways to draw', ['meow', '--format', ''], ['sixel'], 'png'],
    ['servers to ask about', ['why', ''], ['abc234', '3001'], '--json'],
    ['shells', ['completion', ''], ['bash', 'zsh', 'fish'], 'sh'],
    ['ids and ports', ['destroy', ''], ['abc234', 'def234', '3001', '3002'], '--all'],
    ['no server twice', ['restart', 'abc234', ''], ['def234', '3001'], 'abc234'],
    ['servers behind a flag with a value', ['destroy', '--drain-timeout', '3', ''], ['3001'], '3'],
    ['ids that have a log here', ['logs', ''], ['gone22'], 'abc234'],
    ['names that are set here', ['spawn', '--env', ''], ['SET_HERE'], 'DECLARED'],
    ['names that were declared', ['restart', '--no-env', ''], ['DECLARED'], 'SET_HERE'],
    ['flags where there is nothing else', ['ls', ''], ['--json', '--quiet'], 'abc234'],
  ])('%s', async (_, words, expected, none) => {
    const { values, rule } = await offered(words);
    expect(values).toEqual(expect.arrayContaining(expected));
    expect(values).not.toContain(none);
    expect(rule).toBe(':none');
  });

  test('the built-in app, what is served from here, and files', async () => {
    const { values, rule } = await offered(['scale', '2', '--app', '']);
    expect(values).toEqual(['cat', join(home, 'app.mjs')]);
    expect(rule).toBe(':files');
  });

  test.each([
    [['upload', 'one.png', ''], ':files'],
    [['meow', '-o', ''], ':files'],
    [['spawn', '--env-file='], ':files'],
    [['spawn', '--cwd', ''], ':folders'],
    [['spawn', '--', ''], ':commands'],
    [['spawn', '3', '--', 'node', '--'], ':files'],
    [['destroy', '--', ''], ':none'],
    [['spawn', '--port', ''], ':none'],
    [['nonsense', ''], ':none'],
    [['__complete', ''], ':none'],
  ])('after %j what the shell knows itself: %s', async (words, rule) => {
    expect((await offered(words)).rule).toBe(rule);
  });
});

describe('what comes from Redis', () => {
  test('is a word a line, with nothing in it that a shell or a terminal would act upon', async () => {
    await raw.hset('{meow}:servers', '$(id)', JSON.stringify(sampleRecord({ id: '$(id)' })));
    const path = `${home}/$(touch x).mjs`;
    writeFileSync(path, '');
    const intent = JSON.stringify(sampleDesired({ spec: moduleSpec(path) }));
    await raw.hset('{meow}:intents', 'evl222', intent);
    for (const words of [
      ['destroy', ''],
      ['logs', ''],
      ['spawn', '--app', ''],
    ]) {
      const { lines } = await offered(words);
      for (const line of lines) expect(line).toMatch(/^[\w/.-]+\t[\p{L}\p{N} ,.:;/@_+=()-]*$/u);
    }
    await raw.hdel('{meow}:intents', 'evl222');
    await raw.hdel('{meow}:servers', '$(id)');
  });

  test('is not waited for: without Redis, or a right address, the rest is offered', async () => {
    const nobody = `redis://127.0.0.1:${await freePort()}`;
    for (const REDIS_URL of [nobody, 'http://what', '', 'redis://127.0.0.1:1/x']) {
      expect((await offered(['destroy', ''], { REDIS_URL })).values).toContain('--all');
      expect((await offered(['spawn', '--app', ''], { REDIS_URL })).values).toEqual(['cat']);
    }
  });

  test('is not waited for where it takes connections and says nothing', async () => {
    const silent = await listen();
    const { port } = silent.address() as { port: number };
    const over = { REDIS_URL: `redis://127.0.0.1:${port}` };
    expect((await offered(['destroy', ''], over)).values).toContain('--all');
    await new Promise((resolve) => silent.close(resolve));
  });
});

describe('completion', () => {
  test.each(['bash', 'zsh', 'fish'])('of %s is printed, and nothing besides', async (shell) => {
    const { code, stdout, stderr } = await runHere(['completion', shell], env);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('command meowctl __complete -- ');
    expect(stdout).not.toContain('eval');
  });

  test.each([
    [['completion'], 'shell'],
    [['completion', 'powershell'], '"powershell"'],
    [['completion', '\u001b[2J'], '"\\u001b[2J"'],
    [['completion', 'bash', 'zsh'], 'arguments'],
  ])('%j is a wrong command line', async (args, named) => {
    const { code, stdout, stderr } = await runHere(args, env);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr.split('\n')).toHaveLength(3);
    expect(stderr).toContain(named);
  });
});

function listen(): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.resume();
    });
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}
