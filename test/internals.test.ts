import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const SRC = join(ROOT, 'src');
const page = readFileSync(join(ROOT, 'docs', 'internals.md'), 'utf8');

const entries = page.split(/^\*\*/m).slice(1);
const namedFiles = (text: string) =>
  [...text.matchAll(/`([a-z-]+(?:\/[a-z0-9-]+)+\.ts)`/g)].map(([, file]) => file ?? '');
const namedTests = [...page.matchAll(/^- Test: `(test\/\S+\.ts)` "(.+)"$/gm)].map(
  ([, file = '', title = '']) => [title, file] as const,
);

/** What nobody promises to keep, as far as a text shows it. */
const REACHING = [
  /\.parser\b|\bparser\?:/,
  /\bdestroySoon\b/,
  /\b[A-Z]\w+\.prototype\.\w+(?:\.call\(| = |;)/,
  /\.emit\('(?:close|connection|drain|readable)'/,
  /\.once\('socket'/,
  /\boverride _?\w+\(|\._writev?\b/,
  /\.removeAllListeners\(|\.context\.onerror\b|\b_handleFile\b/,
  /\bas unknown as (?:Readable|new\b)|\bUND_ERR_|\bredis\.hello = /,
];
/** Agents are made to be extended, and an emitter of ours may emit what it likes. */
const promised = ['hosting/relay-socket.ts'];

describe('docs/internals.md', () => {
  test('says of each place why it is there, what to look at and what tests it', () => {
    expect(entries.length).toBeGreaterThan(15);
    const lacking = entries.filter((entry) =>
      ['\n- Why: ', '\n- Look at: ', '\n- Test: '].some((part) => !entry.includes(part)),
    );
    expect(lacking).toEqual([]);
  });

  test('names files that exist', () => {
    const missing = namedFiles(page).filter(
      (file) => !file.startsWith('test/') && !existsSync(join(SRC, file)),
    );
    expect(missing).toEqual([]);
  });

  test.each(namedTests)('names a test that exists: %s', (title, file) => {
    expect(readFileSync(join(ROOT, file), 'utf8')).toContain(`'${title}'`);
  });

  test('names every file of src/ that reaches into the inside of something', () => {
    const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' });
    const reaching = files.filter((file) => {
      if (!file.endsWith('.ts') || promised.includes(file)) return false;
      const text = readFileSync(join(SRC, file), 'utf8').replace(/^\s*(?:\/\/|\/?\*).*$/gm, '');
      return REACHING.some((pattern) => pattern.test(text));
    });
    const named = namedFiles(page);
    expect(reaching.filter((file) => !named.includes(file))).toEqual([]);
  });
});
