import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { catSpec } from '../../src/model/app-spec.ts';
import type { DesiredServer } from '../../src/model/desired-server.ts';
import { isAsSigned, isSigned, sign, type Unsigned } from '../../src/state/signature.ts';
import { temporaryFolder } from '../helpers/cleanup.ts';
import { sampleDesired } from '../helpers/store.ts';

const desired: Unsigned = {
  ...sampleDesired({
    spec: { ...catSpec, kind: 'program', command: ['touch', 'a b'], cwd: '/srv' },
  }),
  ...{ id: 'abc234', hostId: 'a'.repeat(16), registry: 'r1', namespace: 'meow' },
};

describe('the signature of a desired server', () => {
  test('holds on the host that made it, whatever the order of the fields', () => {
    const home = temporaryFolder();
    const signed = sign(home, desired);
    const turned = Object.fromEntries(Object.entries(signed).reverse()) as unknown as DesiredServer;
    const spec = Object.fromEntries(Object.entries(signed.spec).reverse()) as DesiredServer['spec'];
    expect(isSigned(home, { ...turned, spec })).toBe(true);
    expect(isAsSigned({ ...turned, spec }, signed)).toBe(true);
    expect(isSigned(temporaryFolder(), signed)).toBe(false);
  });

  test('leaves out the process and the state: those count as the host itself has them', () => {
    const home = temporaryFolder();
    const change: Partial<DesiredServer> = {
      state: 'crashed',
      pid: 9,
      bootId: 'other',
      host: 'renamed',
    };
    expect(isSigned(home, { ...sign(home, desired), ...change })).toBe(true);
  });

  test.each<[string, Partial<DesiredServer>]>([
    ['id', { id: 'def567' }],
    ['host', { hostId: 'b'.repeat(16) }],
    ['registry', { registry: 'r2' }],
    ['namespace', { namespace: 'other' }],
    ['listen address', { listenHost: '0.0.0.0' }],
    ['port', { port: 3_002 }],
    ['fixed port', { fixedPort: true }],
    ['advertised name', { advertise: 'evil.example' }],
    ['end of its life', { ofUp: true }],
    ['forerunner', { replaces: 'def567' }],
    ['command', { spec: { ...desired.spec, kind: 'program', command: ['touch', 'a', 'b'] } }],
    ['app', { spec: { ...desired.spec, kind: 'module', path: '/evil.js' } }],
    ['folder', { spec: { ...desired.spec, cwd: '/' } }],
    ['health path', { spec: { ...desired.spec, health: '/' } }],
    ['range of well answers', { spec: { ...desired.spec, healthStatus: [100, 599] } }],
    ['signal to leave', { spec: { ...desired.spec, drainSignal: 'SIGUSR1' } }],
    ['time to end', { spec: { ...desired.spec, killMs: 1 } }],
    ['time to get ready', { spec: { ...desired.spec, readyMs: 1 } }],
    ['signature', { seal: '' }],
  ])('breaks with another %s', (_, change) => {
    const home = temporaryFolder();
    const signed = sign(home, desired);
    expect(isSigned(home, { ...signed, ...change })).toBe(false);
    expect(isAsSigned({ ...signed, ...change }, signed)).toBe(false);
  });

  test('is missed from a desired server of the built-in app too', () => {
    expect(isSigned(temporaryFolder(), sampleDesired())).toBe(false);
  });

  test('whose key cannot be kept says where and why', () => {
    const home = join(temporaryFolder(), 'missing');
    const fails = { code: 'no-seal', message: expect.stringMatching(/missing.*no such file/) };
    expect(() => sign(home, desired)).toThrow(expect.objectContaining(fails));
  });

  test('is made with a key that only its owner can read', () => {
    const home = temporaryFolder();
    sign(home, desired);
    expect(statSync(join(home, 'seal.key')).mode & 0o777).toBe(0o600);
    expect(readdirSync(home)).toEqual(['seal.key']);
  });
});
