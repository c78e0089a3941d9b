import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { keepValues, readValues } from '../../../src/environment/kept-values.ts';
import { type AppsHere, isSameApp, whichApp } from '../../../src/fleet/targets/app.ts';
import { changedApp } from '../../../src/fleet/targets/changed-app.ts';
import { type AppSpec, catSpec } from '../../../src/model/app-spec.ts';

let home: string;
let api: AppSpec;
let apiWithKey: AppSpec;

const env = { PATH: '/bin', HOME: '/root' };
const none: AppsHere = { desired: [], stopped: [], others: [] };
const rest = { env: [], envDigest: null, cwd: '/srv', health: null };
const web: AppSpec = { ...rest, kind: 'program', command: ['node', 'web.js'] };

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'meow-which-'));
  const kept = (declared: Record<string, string>) =>
    keepValues(home, { base: env, declared, leftOut: 0 });
  api = { ...rest, kind: 'module', path: '/srv/api.mjs', ...kept({}) };
  apiWithKey = { ...api, ...kept({ KEY: 'hush' }) };
});
afterAll(() => rmSync(home, { recursive: true }));

const asked = (spec: AppSpec, isPlain = true) => ({ spec, isNamed: true, isPlain });
const more = (here: Partial<AppsHere>, what: Parameters<typeof whichApp>[1] = null) =>
  whichApp(home, what, { ...none, ...here }, env).more();

describe('where no app is named', () => {
  test('more are started of the one that runs here, else of the one that ran here last', () => {
    expect(more({})).toEqual(catSpec);
    expect(more({ desired: [apiWithKey, apiWithKey], stopped: [web] })).toEqual(apiWithKey);
    expect(more({ stopped: [web, web], others: ['/srv/api.mjs'] })).toEqual(web);
    expect(more({ desired: [catSpec], others: ['/srv/api.mjs'] })).toEqual(catSpec);
  });

  test('several are listed, and so is what only others run', () => {
    const cases: Partial<AppsHere>[] = [
      { desired: [api, web, api] },
      { stopped: [api, web] },
      { others: ['cat', '/srv/api.mjs'] },
    ];
    for (const here of cases) {
      expect(() => more(here)).toThrow(expect.objectContaining({ exitCode: 2 }));
      expect(() => more(here)).toThrow('"/srv/api.mjs"');
    }
    expect(() => more({ desired: [api, web] })).toThrow('"node web.js" in "/srv"');
    expect(more({ others: ['cat'] })).toEqual(catSpec);
  });

  test('settings are added to those it has', () => {
    const change = {
      ...catSpec,
      ...keepValues(home, { base: {}, declared: { TWO: '2' }, leftOut: 0 }),
    };
    const spec = more({ desired: [apiWithKey] }, { spec: change, isNamed: false, isPlain: false });
    expect(spec).toMatchObject({ kind: 'module', path: '/srv/api.mjs', env: ['KEY', 'TWO'] });
    expect(readValues(home, spec.envDigest ?? '').declared).toEqual({ KEY: 'hush', TWO: '2' });
  });
});

describe('an app that is named', () => {
  test('is the one that is here, with its settings, unless others are given', () => {
    const here = { desired: [apiWithKey, web] };
    expect(more(here, asked(api))).toEqual(apiWithKey);
    expect(more(here, asked(api, false))).toEqual(api);
    expect(more({ desired: [web], stopped: [apiWithKey] }, asked(api))).toEqual(apiWithKey);
    expect(more({ desired: [web] }, asked(catSpec))).toEqual(catSpec);
  });

  test('and runs here with different settings is not guessed at', () => {
    expect(() => more({ desired: [api, apiWithKey] }, asked(api))).toThrow('set differently');
    expect(() => more({ desired: [api, apiWithKey] })).toThrow('set differently');
  });

  test('is the same by file or by command and folder, whatever its settings', () => {
    expect(isSameApp(api, { ...apiWithKey, cwd: '/', health: '/up' })).toBe(true);
    expect(isSameApp(web, { ...web, cwd: '/elsewhere' })).toBe(false);
    expect(isSameApp(web, { ...web, health: '/up' })).toBe(true);
    expect(isSameApp(catSpec, api)).toBe(false);
  });
});

describe('a changed app', () => {
  const change = (spec: Partial<AppSpec>, more = {}) => ({
    spec: { ...catSpec, ...spec } as AppSpec,
    isNamed: false,
    ...more,
  });

  test('keeps what is not changed, and its old values stay as they are', () => {
    const asked = { cwd: '/new', health: '/up', envFile: '/new/.env' };
    const next = changedApp(home, apiWithKey, change({ ...asked, killMs: 9_000 }), {});
    expect(next).toEqual({ ...apiWithKey, ...asked, killMs: 9_000 });
    const bare = changedApp(home, apiWithKey, change({}, { withdrawn: ['KEY'] }), {});
    expect(bare).toEqual(api);
    expect(readValues(home, apiWithKey.envDigest ?? '').declared).toEqual({ KEY: 'hush' });
  });

  test('may be another one with the same settings', () => {
    const next = changedApp(home, apiWithKey, { spec: { ...web, cwd: null }, isNamed: true }, {});
    expect(next).toMatchObject({ kind: 'program', command: ['node', 'web.js'], cwd: '/srv' });
    expect(next.envDigest).toBe(apiWithKey.envDigest);
  });

  test('of 0.1.0 keeps the values that it wrote into Redis', () => {
    const old: AppSpec = { ...web, env: ['A'], oldValues: { A: '1' }, seal: 'x' };
    const { seal, oldValues, ...next } = changedApp(home, old, change({ cwd: '/' }), env);
    expect([seal, oldValues]).toEqual([undefined, undefined]);
    expect(readValues(home, next.envDigest ?? '').declared).toEqual({ A: '1' });
  });
});
