import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

interface Locked {
  readonly name?: string;
  readonly version: string;
  readonly resolved?: string;
}

const text = readFileSync(join(import.meta.dirname, '..', 'package-lock.json'), 'utf8');
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
