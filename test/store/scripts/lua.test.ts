import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { build } from 'esbuild';
import { describe, expect, test } from 'vitest';
import { luaForEsbuild, luaText } from '../../../scripts/lua.mjs';
import { SCRIPTS, scriptFiles } from '../../helpers/scripts.ts';

const STORE = dirname(SCRIPTS);
/** What each file of include/ gives, and so what tells that it is needed. */
const gives: Readonly<Record<string, RegExp>> = {
  clock: /\bnow\b/,
  soft: /\bsoft\(/,
  'set-once': /\bsetOnce\(/,
  'write-order': /\bwriteOrder\(/,
  requeue: /\brequeue\(/,
  'is-picture': /\bisPicture\(/,
  'push-visits': /\bpushVisits\(/,
  event: /\bnoteEvent\(/,
};
const read = (file: string) => readFileSync(file, 'utf8');
const isComment = (line: string) => line.startsWith('--');
const included = (file: string) => /^-- @include (.+)$/m.exec(read(file))?.[1]?.split(', ') ?? [];

describe('every script', () => {
  test('is sent by one place of the store', () => {
    const sources = readdirSync(STORE, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => join(STORE, file));
    const sent = sources.flatMap((file) =>
      [...read(file).matchAll(/from '(\.[^']+\.lua)'/g)].map(([, to = '']) =>
        join(dirname(file), to),
      ),
    );
    expect(sent.sort()).toEqual(scriptFiles().sort());
  });

  test.each(scriptFiles().map((file) => [relative(SCRIPTS, file), file]))(
    '%s says what it does, then what its keys and arguments are called',
    (_, file) => {
      const [shebang, ...lines] = read(file).split('\n');
      const code = lines.filter((line) => !isComment(line));
      expect(shebang).toMatch(/^#!lua( flags=[a-z,-]+)?$/);
      expect(lines[0]).toMatch(/^-- [A-Z]/);
      expect(code[0]).toMatch(/^local .+ = unpack\(KEYS\b/);
      if (read(file).includes('ARGV')) expect(code[1]).toMatch(/^local .+ = unpack\(ARGV\b/);
    },
  );

  test.each(scriptFiles().map((file) => [relative(SCRIPTS, file), file]))(
    '%s includes all that it uses, and no more',
    (_, file) => {
      const names = included(file);
      const own = read(file)
        .split('\n')
        .filter((line) => !isComment(line));
      const uses = names.map((name) => read(join(SCRIPTS, 'include', `${name}.lua`)));
      const text = [...own, ...uses.map((shared) => shared.replace(/^.*function \w+\(.*/m, ''))];
      const needed = Object.keys(gives).filter((name) => gives[name]?.test(text.join('\n')));
      expect([...names].sort()).toEqual(needed.sort());
    },
  );

  test('reaches Redis with what it includes, and without comments', () => {
    for (const text of scriptFiles().map(luaText)) {
      expect(text).not.toContain('--');
      expect(text.slice(1)).not.toContain('#!lua');
    }
  });

  test('is the same text in a bundle as in these tests', async () => {
    for (const file of scriptFiles()) {
      const { default: here } = (await import(file)) as { default: string };
      expect(await bundled(file)).toBe(here);
    }
  });
});

test('what scripts share is a file of include/ each', () => {
  const names = readdirSync(join(SCRIPTS, 'include')).map((file) => basename(file, '.lua'));
  expect(names.sort()).toEqual(Object.keys(gives).sort());
});

async function bundled(file: string): Promise<unknown> {
  const { outputFiles } = await build({
    stdin: { contents: `export { default } from ${JSON.stringify(file)}`, resolveDir: SCRIPTS },
    bundle: true,
    format: 'iife',
    globalName: 'it',
    write: false,
    plugins: [luaForEsbuild],
  });
  return new Function(`${outputFiles[0]?.text}; return it.default;`)();
}
