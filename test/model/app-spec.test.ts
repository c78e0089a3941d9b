import { describe, expect, test } from 'vitest';
import { type AppSpec, catSpec, nameOfApp, parseSpec } from '../../src/model/app-spec.ts';

const digest = '0a'.repeat(32);
const place = { env: ['A', 'B'], envDigest: digest, cwd: '/srv', health: '/ready' };
const module: AppSpec = { kind: 'module', path: '/srv/app.js', ...place };
const program: AppSpec = { kind: 'program', command: ['a', '--port', '{port}'], ...place };

describe('what a server serves', () => {
  test.each([
    catSpec,
    module,
    program,
    { ...program, readyMs: 60_000, seal: 'abc' },
    { ...module, envFile: '/srv/.env', envAll: true },
    { ...module, healthStatus: [200, 399] as const },
    { ...program, drainSignal: 'SIGUSR2', killMs: 20_000, readyMs: 1_000 },
  ])('comes back from JSON as it was: %j', (spec) => {
    expect(parseSpec(JSON.parse(JSON.stringify(spec)))).toEqual({ ok: spec });
  });

  test.each<[string, unknown]>([
    ['spec', null],
    ['spec', []],
    ['spec', 'cat'],
    ['kind', { ...place }],
    ['kind', { ...place, kind: 'dog' }],
    ['path', { ...module, path: 'app.js' }],
    ['path', { ...module, path: '/a\0b' }],
    ['command', { ...program, command: [] }],
    ['command', { ...program, command: [''] }],
    ['command', { ...program, command: 'rm -rf /' }],
    ['command', { ...program, command: ['a', 1] }],
    ['env', { ...module, env: null }],
    ['env', { ...module, env: { 'A=B': '1' } }],
    ['env', { ...module, env: { A: 1 } }],
    ['env', { ...module, env: ['A=B'] }],
    ['env', { ...module, env: [1] }],
    ['env', { ...module, env: Array.from({ length: 2_001 }, (_, n) => `A${n}`) }],
    ['envDigest', { ...module, envDigest: '../../../etc/passwd' }],
    ['envDigest', { ...module, envDigest: digest.toUpperCase() }],
    ['envFile', { ...module, envFile: '.env' }],
    ['envFile', { ...module, envFile: null }],
    ['envAll', { ...module, envAll: 1 }],
    ['cwd', { ...module, cwd: 'here' }],
    ['health', { ...module, health: 'ready' }],
    ['health', { ...module, health: '/a?b=c' }],
    ['health', { ...module, health: undefined }],
    ['healthStatus', { ...module, healthStatus: null }],
    ['healthStatus', { ...module, healthStatus: [200] }],
    ['healthStatus', { ...module, healthStatus: [399, 200] }],
    ['healthStatus', { ...module, healthStatus: ['200', '399'] }],
    ['healthStatus', { ...module, healthStatus: [99, 700] }],
    ['drainSignal', { ...module, drainSignal: 'SIGKILL' }],
    ['drainSignal', { ...module, drainSignal: ['SIGUSR2'] }],
    ['killMs', { ...module, killMs: -1 }],
    ['killMs', { ...module, killMs: '5' }],
    ['readyMs', { ...module, readyMs: -1 }],
    ['seal', { ...module, seal: 1 }],
  ])('with a wrong %s is none: %j', (field, value) => {
    expect(parseSpec(value)).toEqual({ problem: field });
  });

  test('older than the state folder’s list of values brings its values with it', () => {
    const { env: _, envDigest: __, ...rest } = module;
    expect(parseSpec({ ...rest, env: { B: '2', A: '1' }, seal: 'abc' })).toEqual({
      ok: {
        ...rest,
        ...{ env: ['A', 'B'], envDigest: null, oldValues: { A: '1', B: '2' }, seal: 'abc' },
      },
    });
    expect(parseSpec({ kind: 'cat', env: {}, cwd: null, health: null })).toEqual({ ok: catSpec });
  });

  test('without variables is itself after Redis’ scripts had it, where a list is an object', () => {
    const spec = { ...module, env: [] };
    expect(parseSpec({ ...spec, env: {} })).toEqual({ ok: spec });
  });

  test('has a short name for people', () => {
    expect(nameOfApp(catSpec)).toBe('cat');
    expect(nameOfApp(module)).toBe('/srv/app.js');
    expect(nameOfApp(program)).toBe('a --port {port}');
    expect(nameOfApp({ ...module, path: `/${'x'.repeat(4_000)}` })).toHaveLength(200);
  });
});
