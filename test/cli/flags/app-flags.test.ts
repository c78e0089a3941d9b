import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { askedApp, splitProgram } from '../../../src/cli/flags/app-flags.ts';
import { askedChange } from '../../../src/cli/flags/asked-change.ts';
import { envInWords } from '../../../src/cli/flags/asked-env.ts';
import { readServeFlags } from '../../../src/cli/flags/serve-flags.ts';
import { contextOf } from '../../helpers/run-here.ts';

let home: string;

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'meow-test-flags-'));
  mkdirSync(join(home, 'site'));
  writeFileSync(join(home, 'app.mjs'), '');
  writeFileSync(join(home, '.env'), 'FROM_FILE=1\n1BAD=2\n');
});
afterAll(() => rmSync(home, { recursive: true }));

const split = (...words: string[]) => splitProgram(['node', 'meowctl', ...words]).program;
const given = (words: string[] = [], env: Record<string, string> = {}) =>
  contextOf(words, { MEOW_HOME: home, PATH: '/bin', ...env }).context;
const file = () => join(home, 'app.mjs');

describe('the words after --', () => {
  test('are a program for the verbs that start something, a number is a count', () => {
    expect(split('spawn', '2', '--', 'node', 'a.js', '--port')).toEqual(['node', 'a.js', '--port']);
    expect(split('--debug', 'serve', '--', 'true')).toEqual(['true']);
    expect(split('spawn', '--', '-3')).toBeNull();
    expect(split('spawn', '2')).toBeNull();
    expect(split('set', '--', '-x')).toBeNull();
    expect(split('spawn', '--')).toEqual([]);
  });
});

describe('the app that a command line asks for', () => {
  test('is left open where nothing is said of it', () => {
    expect(askedApp(given(), {})).toBeNull();
  });

  test('is a module by its absolute path, in the folder one is in', () => {
    expect(askedApp(given(), { app: file() })).toMatchObject({
      spec: { kind: 'module', path: file(), cwd: process.cwd(), env: [], health: null },
      isNamed: true,
      isPlain: true,
    });
  });

  test('is a program with its settings; defaults are not written down', () => {
    const flags = { cwd: join(home, 'site'), health: '/up', killTimeout: 9_000, noHttp: false };
    const asked = askedApp(given(['spawn', '--', 'node', 'a.js']), flags, { readyMs: 15_000 });
    expect(asked).toMatchObject({
      spec: { kind: 'program', command: ['node', 'a.js'], cwd: join(home, 'site'), health: '/up' },
      isPlain: false,
    });
    expect(asked?.spec).toMatchObject({ killMs: 9_000 });
    const worker = askedApp(given(['spawn', '--', 'node', 'a.js']), { noHttp: true });
    expect(worker?.spec).toMatchObject({ kind: 'program', http: false });
  });

  test('is the built-in one by name, with settings as well', () => {
    expect(askedApp(given(), { app: 'cat' })).toMatchObject({
      spec: { kind: 'cat', cwd: null },
      isNamed: true,
    });
    expect(askedApp(given(), { health: '/well' })).toMatchObject({
      spec: { kind: 'cat', health: '/well' },
      isNamed: false,
      isPlain: false,
    });
  });

  test.each<[string, string[], Parameters<typeof askedApp>[1], string]>([
    ['a module together with a program', ['spawn', '--', 'a'], { app: 'x' }, '--app together'],
    ['a program without words', ['spawn', '--'], {}, 'there is no program after --'],
    ['a file that is not there', [], { app: '/no/such.mjs' }, 'there is no file "/no/such.mjs"'],
    ['a folder that is not there', [], { cwd: '/no/such' }, 'there is no folder "/no/such"'],
    ['a status without a page', [], { healthStatus: [200, 200] }, '--health-status without'],
    ['no http without a program', [], { noHttp: true }, '--no-http without a program'],
    [
      'a worker with a page of health',
      ['spawn', '--', 'a'],
      { noHttp: true, health: '/' },
      '--health together with --no-http',
    ],
    [
      'a worker with a port in its words',
      ['spawn', '--', 'a', '{port}'],
      { noHttp: true },
      '{port} together with --no-http',
    ],
    ['a variable without a name', [], { env: ['=x'] }, 'variable name "" is not valid'],
    ['a variable that is not set here', [], { env: ['NOT_HERE'] }, 'variable NOT_HERE is not set'],
    [
      'a variable that is too long',
      [],
      { env: [`A=${'x'.repeat(200_000)}`] },
      'variable "A" takes',
    ],
  ])('is refused with the value in words: %s', (_what, words, flags, message) => {
    expect(() => askedApp(given(words), flags)).toThrow(message);
  });

  test('has the variables that are named, those of the machine, and names alone in its spec', () => {
    const here = { LANG: 'C', KEY: 'hush', OTHER: '1' };
    const asked = askedApp(given([], here), { env: ['KEY', 'TWO=a=b'] });
    expect(asked?.spec.env).toEqual(['KEY', 'TWO']);
    expect(asked?.env.values.declared).toEqual({ KEY: 'hush', TWO: 'a=b' });
    expect(asked?.env.values.base).toMatchObject({ LANG: 'C', PATH: '/bin' });
    expect(JSON.stringify(asked?.spec)).not.toContain('hush');
    expect(asked && envInWords(asked.env)).toEqual([
      '1 other variable of the environment did not go to the app: --env-all passes on all of them',
    ]);
  });

  test('with --env-all has all that is set here but what is meowctl’s; a file is read and named', () => {
    const asked = askedApp(given([], { OTHER: '1' }), {
      envAll: true,
      envFile: join(home, '.env'),
    });
    expect(asked?.env.values.declared).toEqual({ OTHER: '1' });
    expect(asked?.spec).toMatchObject({ envAll: true, envFile: join(home, '.env') });
    expect(asked?.env.file?.variables).toEqual({ FROM_FILE: '1' });
    expect(asked && envInWords(asked.env)).toEqual([
      '--env-file: 1 skipped, as no shell could set such names',
    ]);
  });
});

describe('what a restart is to change', () => {
  test('is nothing where nothing is said', () => {
    expect(askedChange(given(), {})).toBeNull();
  });

  test('are variables that are added and taken away, never both', () => {
    expect(askedChange(given(), { env: ['A=1'], noEnv: ['B'] })).toMatchObject({
      declared: { A: '1' },
      withdrawn: ['B'],
      isNamed: false,
      keepsFolder: true,
    });
    expect(() => askedChange(given(), { env: ['A=1'], noEnv: ['A'] })).toThrow(
      '--env together with --no-env for A',
    );
  });
});

describe('the flags of a program’s server', () => {
  test('are read as `serve` declares them', () => {
    expect(
      readServeFlags([
        '--id',
        'abc234',
        '--port',
        '3001',
        '--drain-timeout=0.5',
        '--spawned',
        '--env',
        'A',
      ]),
    ).toMatchObject({ id: 'abc234', port: 3_001, drainTimeout: 500, spawned: true, env: ['A'] });
  });

  test.each([['--prot', '1'], ['--port', 'x'], ['a word'], ['--help']])(
    'are left to whoever has the words for it where they are not plainly right: %s',
    (...words) => {
      expect(readServeFlags(words)).toBeNull();
    },
  );
});
