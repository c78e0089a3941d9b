import {
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { adopted, keepValues, readValues, sweepEnv } from '../../src/environment/kept-values.ts';
import { sweepValues } from '../../src/environment/sweep.ts';
import type { AppSpec } from '../../src/model/app-spec.ts';
import { temporaryFolder } from '../helpers/cleanup.ts';

const values = { base: { PATH: '/bin', LANG: 'C' }, declared: { B: '2', A: 'hush' }, leftOut: 3 };
const MINUTE_S = 60;
const HOUR_MS = 3_600_000;

/** The name of its file, too, and how old that is to be. */
function keep(home: string, declared: Record<string, string>, ageMinutes = 0): string {
  const { envDigest } = keepValues(home, { ...values, declared });
  const when = Date.now() / 1_000 - ageMinutes * MINUTE_S;
  utimesSync(join(home, 'env', `${envDigest}.json`), when, when);
  return envDigest ?? '';
}

describe('the values of an app', () => {
  test('are kept once, for their owner alone, whatever their order', () => {
    const home = temporaryFolder();
    const { env, envDigest } = keepValues(home, values);
    const again = keepValues(home, {
      ...values,
      base: { LANG: 'C', PATH: '/bin' },
      declared: { A: 'hush', B: '2' },
    });
    expect([env, again]).toEqual([['A', 'B'], { env, envDigest }]);
    expect(readdirSync(join(home, 'env'))).toEqual([`${envDigest}.json`]);
    expect(statSync(join(home, 'env', `${envDigest}.json`)).mode & 0o777).toBe(0o600);
    expect(readValues(home, envDigest ?? '')).toEqual(values);
  });

  test('have a digest that nobody can make without the key of their folder', () => {
    const [one, other] = [temporaryFolder(), temporaryFolder()];
    expect(keep(one, { A: '1' })).not.toBe(keep(other, { A: '1' }));
  });

  test('that were damaged are written anew by who has them', () => {
    const home = temporaryFolder();
    const digest = keep(home, { A: '1' });
    writeFileSync(join(home, 'env', `${digest}.json`), '{"base":{},"declared":{"A":"2"}');
    expect(() => readValues(home, digest)).toThrow('missing or damaged');
    keep(home, { A: '1' });
    expect(readValues(home, digest).declared).toEqual({ A: '1' });
  });

  test.each(['null', '{}', '[]', '{"base":null,"declared":{},"leftOut":0}'])(
    'are not taken from %s',
    (text) => {
      const home = temporaryFolder();
      const digest = keep(home, { A: '1' });
      writeFileSync(join(home, 'env', `${digest}.json`), text);
      expect(() => readValues(home, digest)).toThrow('missing or damaged');
    },
  );

  test('that cannot be read are a sentence', () => {
    const home = temporaryFolder();
    const digest = keep(home, { A: '1' });
    rmSync(join(home, 'env', `${digest}.json`));
    mkdirSync(join(home, 'env', `${digest}.json`));
    expect(() => readValues(home, digest)).toThrow(
      /kept in ".*", cannot be read: illegal operation/,
    );
  });

  test('may have any name that a shell could set', () => {
    const home = temporaryFolder();
    const declared = JSON.parse('{"__proto__":"x","constructor":"y"}') as Record<string, string>;
    const read = readValues(home, keep(home, declared));
    expect(Object.entries(read.declared)).toEqual(Object.entries(declared));
  });

  test('go when nobody refers to them, but never before an hour', () => {
    const home = temporaryFolder();
    const used = keep(home, { A: 'used' }, 600);
    const young = keep(home, { A: 'young' }, 59);
    const old = keep(home, { A: 'old' }, 61);
    writeFileSync(join(home, 'env', 'draft.json.0a'), '');
    utimesSync(join(home, 'env', 'draft.json.0a'), 1, 1);
    expect(sweepEnv(home, () => new Set([used]), HOUR_MS)).toEqual([old]);
    const left = readdirSync(join(home, 'env')).sort();
    expect(left).toEqual([`${used}.json`, `${young}.json`].sort());
    expect(sweepEnv(temporaryFolder(), () => new Set(), HOUR_MS)).toEqual([]);
  });

  test('stay while any list of the folder refers to them, a damaged one too', () => {
    const home = temporaryFolder();
    const [wanted, damaged, aside, free] = ['1', '2', '3', '4'].map((A) => keep(home, { A }, 61));
    const list = (folder: string, name: string, text: string) => {
      mkdirSync(join(home, folder), { recursive: true });
      writeFileSync(join(home, folder, name), text);
    };
    list('wanted/r.meow', 'abc234.json', `{"intent":{"spec":{"envDigest":"${wanted}"}}}`);
    list('wanted/other.cats', 'abc235.json', `{"intent":{"spec":{"envDigest":"${damaged}"`);
    list('wanted.set-aside-1/r.meow', 'abc236.json', `{"envDigest":"${aside}"}`);
    expect(sweepValues(home, HOUR_MS)).toEqual([free]);
  });

  test('are young again when they are asked for again', () => {
    const home = temporaryFolder();
    keep(home, { A: '1' }, 61);
    keepValues(home, { ...values, declared: { A: '1' } });
    expect(sweepEnv(home, () => new Set(), HOUR_MS)).toEqual([]);
  });

  test('stay young for the clock that dates files, whatever this process takes for the time', () => {
    const home = temporaryFolder();
    keepValues(home, values);
    onTestFinished(() => {
      vi.useRealTimers();
    });
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 2 * 60 * MINUTE_S * 1_000 });
    expect(sweepEnv(home, () => new Set(), HOUR_MS)).toEqual([]);
    vi.setSystemTime(Date.now() - 4 * 60 * MINUTE_S * 1_000);
    keepValues(home, values);
    vi.useRealTimers();
    expect(sweepEnv(home, () => new Set(), HOUR_MS)).toEqual([]);
  });

  test('of 0.1 are taken over with the base that there is, and the old signature goes', () => {
    const home = temporaryFolder();
    const place = { cwd: '/srv', health: null };
    const old: AppSpec = {
      ...{ kind: 'module', path: '/srv/a.js', env: ['A'], envDigest: null, ...place },
      ...{ oldValues: { A: 'hush' }, seal: 'old' },
    };
    const spec = adopted(home, old, { PATH: '/bin', OTHER: 'x', REDIS_URL: 'redis://x' });
    const [name = ''] = readdirSync(join(home, 'env'));
    const kept = { base: { PATH: '/bin' }, declared: { A: 'hush' }, leftOut: 1 };
    expect(JSON.parse(readFileSync(join(home, 'env', name), 'utf8'))).toEqual(kept);
    expect([spec.oldValues, spec.envDigest, spec.seal]).toEqual([
      undefined,
      name.replace('.json', ''),
      undefined,
    ]);
    expect(adopted(home, spec, {})).toEqual(spec);
  });
});
