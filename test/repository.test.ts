import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const text = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const { version, engines, scripts, files } = JSON.parse(text('package.json')) as {
  version: string;
  engines: { node: string };
  scripts: Record<string, string>;
  files: string[];
};

describe('CONTRIBUTING.md', () => {
  const code = [...text('CONTRIBUTING.md').matchAll(/`([^`\n]+)`/g)].map(([, what = '']) => what);

  test('names files and folders that are there', () => {
    const paths = code
      .flatMap((what) => what.split(' '))
      .filter((word) => /^(src|test|docs|scripts|bin)\//.test(word));
    expect(paths.length).toBeGreaterThan(15);
    expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  test('names scripts of package.json', () => {
    const named = code.flatMap((what) => /^npm run ([\w:]+)/.exec(what)?.[1] ?? []);
    expect(named).toContain('chaos');
    expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
  });
});

describe('docs/tour.svg', () => {
  const tour = text('docs/tour.svg');

  test('is small, and asks for nothing from anywhere', () => {
    expect(tour.length).toBeLessThan(300_000);
    expect(tour).not.toMatch(/<script|<image|href|@import|url\(|\son\w+=/);
    expect(text('README.md')).toContain('](docs/tour.svg)');
  });

  test('stands still for who wants that, and has colours for light and for dark', () => {
    expect(tour).toContain('@media(prefers-reduced-motion:reduce){*{animation:none!important}}');
    expect(tour).toContain('@media(prefers-color-scheme:light)');
  });
});

describe('what stands in more than one place', () => {
  test('is one version, the newest in the changelog, and each that is out has its day', () => {
    const heads = [...text('CHANGELOG.md').matchAll(/^## (\S+) \((.+)\)$/gm)];
    expect(heads.map(([, number]) => number)[0]).toBe(version);
    const [, ...out] = heads.map(([, , day]) => day);
    expect(out.length).toBeGreaterThan(0);
    for (const day of out) expect(day).toMatch(/^\d{4}-\d\d-\d\d$/);
  });

  test('is the oldest Node, for nvm, npm and the forge', () => {
    const oldest = /^>=(\d+)\./.exec(engines.node)?.[1];
    expect(text('.nvmrc').trim()).toBe(oldest);
    const nodes = /node: \[(.*)\]/.exec(text('.github/workflows/ci.yml'))?.[1]?.split(', ') ?? [];
    expect([nodes[0], nodes.length]).toEqual([oldest, 4]);
  });

  test('is what tests need, installed before each script that runs them', () => {
    const runs = Object.keys(scripts).filter((name) => scripts[name]?.includes('vitest run'));
    expect(runs).toContain('chaos');
    for (const name of runs) expect(scripts[`pre${name}`]).toContain('setup.mjs --for-tests');
  });

  test('is published from what is there', () => {
    const plain = files.filter((file) => !file.startsWith('!'));
    expect(plain.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
  });

  test('is little at the top', () => {
    const seen = readdirSync(ROOT).filter(
      (name) => !name.startsWith('.') && name !== 'node_modules',
    );
    expect(seen.length).toBeLessThanOrEqual(22);
  });
});
