import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { withoutNpm } from './helpers/package.ts';

interface Locked {
  readonly name?: string;
  readonly version: string;
  readonly resolved?: string;
}

const root = join(import.meta.dirname, '..');
const text = readFileSync(join(root, 'package-lock.json'), 'utf8');
const { packages } = JSON.parse(text) as { packages: Record<string, Locked> };

function atLeast(version: string, floor: string): boolean {
  const [is = [], least = []] = [version, floor].map((part) => part.split('.').map(Number));
  const at = [0, 1, 2].find((n) => is[n] !== least[n]);
  return at === undefined || Number(is[at]) > Number(least[at]);
}

// Older ones have known faults that a client can reach.
test.each([
  ['undici', '7.29.0'],
  ['multer', '2.5.0'],
  ['koa', '3.3.0'],
  ['ioredis', '6.0.0'],
  ['http-proxy', '1.23.0'],
])('the locked %s is %s or newer', (name, floor) => {
  const version = packages[`node_modules/${name}`]?.version ?? 'none';
  expect([version, atLeast(version, floor)]).toEqual([version, true]);
});

test('http-proxy is its maintained fork', () => {
  expect(packages['node_modules/http-proxy']?.name).toBe('http-proxy-3');
});

test('the lock file names no registry', () => {
  expect(text).not.toMatch(/https?:\/\/[^"]*\.tgz/);
  expect(Object.values(packages).filter(({ resolved }) => resolved !== undefined)).toEqual([]);
});

test.each(['.', 'bench', 'scripts/pictures'])(
  'npm ci takes the lock file of %s as it stands, on any platform',
  async (folder) => {
    const copy = mkdtempSync(join(tmpdir(), 'meow-test-ci-'));
    onTestFinished(() => rmSync(copy, { recursive: true }));
    for (const name of ['package.json', 'package-lock.json']) {
      copyFileSync(join(root, folder, name), join(copy, name));
    }
    // Nothing is fetched: what the lock file lacks shows before that.
    const offline = ['--dry-run', '--offline', '--ignore-scripts', '--cache', join(copy, 'cache')];
    const { stdout } = await promisify(execFile)('npm', ['ci', ...offline], {
      cwd: copy,
      env: withoutNpm(process.env),
    });
    expect(stdout).toMatch(/^added \d+ packages/m);
  },
);
