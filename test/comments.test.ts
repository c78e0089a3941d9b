import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const FOLDERS = ['src', 'test', 'bench', 'scripts'];
const CODE = /\.(ts|mjs|cjs|lua|c)$/;

const files = FOLDERS.flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => CODE.test(file) && !file.includes('node_modules'))
    .map((file) => join(folder, file)),
);

/** Each line of a comment that stands alone. */
function comments(file: string): string[] {
  const lines = readFileSync(join(ROOT, file), 'utf8').split('\n');
  return lines.filter((line) => /^\s*(\/\/|\/?\*|--)/.test(line));
}

/** A file is named from the root, from `src/`, or from where the comment stands. */
function isThere(named: string, file: string): boolean {
  const places = [
    ROOT,
    join(ROOT, 'src'),
    join(ROOT, dirname(file)),
    join(ROOT, dirname(file), '..'),
  ];
  return places.some((place) => existsSync(join(place, named)));
}

test('every file that a comment names is in the repository', () => {
  const named = files.flatMap((file) =>
    comments(file).flatMap((line) => {
      const found = line.matchAll(/(?<![\w./<-])[\w.-]+(?:\/[\w.-]+)*\.(?:ts|md|lua)\b/g);
      return [...found].map(([name]) => ({ file, name }));
    }),
  );
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter(({ file, name }) => !isThere(name, file))).toEqual([]);
});

test('no comment cites a section of a paper that is not named', () => {
  const bare = files.flatMap((file) => comments(file).filter((line) => /\bdesign §/i.test(line)));
  expect(bare).toEqual([]);
});
