import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isSealed, sealSpec } from '../../src/fleet/seal.ts';
import { spawnServers } from '../../src/fleet/spawn.ts';
import { catSpec } from '../../src/store/app-spec.ts';
import type { AppSpec } from '../../src/store/records.ts';
import { temporaryFolder } from './cleanup.ts';

const digest = '0'.repeat(64);
const place = { env: ['A', 'B'], envDigest: digest, cwd: '/srv', health: null };
const program: AppSpec = { kind: 'program', command: ['touch', 'a b'], ...place };

describe('a seal', () => {
  test('holds on the machine that made it', () => {
    const home = temporaryFolder();
    const sealed = sealSpec(home, program);
    expect(isSealed(home, sealed)).toBe(true);
    expect(isSealed(temporaryFolder(), sealed)).toBe(false);
  });

  test.each<[string, Partial<AppSpec>]>([
    ['command', { command: ['touch', 'a', 'b'] } as Partial<AppSpec>],
    ['env', { env: ['A', 'C'] }],
    ['envDigest', { envDigest: digest.replace('0', '1') }],
    ['envFile', { envFile: '/srv/.env' }],
    ['envAll', { envAll: true }],
    ['cwd', { cwd: '/' }],
    ['health', { health: '/' }],
    ['readyMs', { readyMs: 1 }],
    ['seal', { seal: '' }],
  ])('breaks with another %s', (_, change) => {
    const home = temporaryFolder();
    expect(isSealed(home, { ...sealSpec(home, program), ...change } as AppSpec)).toBe(false);
  });

  test('is not needed by the plain cat app, but by one with variables', () => {
    const home = temporaryFolder();
    expect(isSealed(home, catSpec)).toBe(true);
    expect(isSealed(home, { ...catSpec, envDigest: digest })).toBe(false);
    expect(isSealed(home, { ...catSpec, envFile: '/tmp/evil' })).toBe(false);
    expect(isSealed(home, { ...catSpec, oldValues: { NODE_OPTIONS: '--import=./evil.js' } })).toBe(
      false,
    );
  });

  test('whose key cannot be kept says where and why', () => {
    const home = join(temporaryFolder(), 'missing');
    const fails = { code: 'no-seal', message: expect.stringMatching(/missing.*no such file/) };
    expect(() => sealSpec(home, program)).toThrow(expect.objectContaining(fails));
  });

  test('is made with a key that only its owner can read', () => {
    const home = temporaryFolder();
    sealSpec(home, program);
    expect(statSync(join(home, 'seal.key')).mode & 0o777).toBe(0o600);
    expect(readdirSync(home)).toEqual(['seal.key']);
  });
});

test('what was not asked for on this machine is not started', async () => {
  const home = temporaryFolder();
  const asked = () => Promise.reject(new Error('Redis was asked'));
  const registry = { sweep: asked, forget: asked, fleet: asked };
  const deps = { registry, execPath: '/bin/false', cliPath: '', childEnv: {}, home };
  const { started, failed } = await spawnServers(
    { ...deps, redisUrl: '', namespace: 'meow' },
    {
      ...{ count: 2, spec: { ...program, seal: 'AAAA' }, fixedPort: null, advertise: null },
      ...{ listenHost: '127.0.0.1', readyTimeoutMs: 1_000 },
    },
  );
  expect(started).toEqual([]);
  expect(failed.map(({ code, message }) => [code, message])).toEqual([
    ['not-sealed', 'app "touch a b" was not asked for on this machine'],
  ]);
});
