import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ensureAdminToken, keptAdminToken } from '../../src/state/admin-token.ts';
import { needs, testWith } from '../helpers/needs.ts';

const GOOD = 'a'.repeat(43);
const NOBODY = 65_534;

let home: string;
let path: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'meow-test-token-'));
  path = join(home, 'admin-token');
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const write = (text: string, mode = 0o600) => {
  writeFileSync(path, text);
  chmodSync(path, mode);
};

const unfit: Readonly<Record<string, () => void>> = {
  'that is empty': () => write(''),
  'that is none': () => write('abc'),
  'with a line behind it': () => write(`${GOOD}\n`),
  'that others may read': () => write(GOOD, 0o640),
  'that is large': () => write(GOOD.repeat(100_000)),
  'behind a link': () => {
    const other = join(home, 'other');
    writeFileSync(other, GOOD, { mode: 0o600 });
    symlinkSync(other, path);
  },
  'behind a link without an end': () => symlinkSync('/dev/zero', path),
  'in a pipe that nobody writes to': () => void execFileSync('mkfifo', ['-m', '600', path]),
};

describe('a token', () => {
  test.each(Object.entries(unfit))('%s is none, and is replaced', (_, make) => {
    make();
    expect(keptAdminToken(home)).toBeNull();
    const fresh = ensureAdminToken(home);
    expect(fresh).not.toBe(GOOD);
    expect([readFileSync(path, 'utf8'), statSync(path).mode & 0o777]).toEqual([fresh, 0o600]);
    expect(ensureAdminToken(home)).toBe(fresh);
  });

  testWith(needs.root, 'of another user is none', () => {
    write(GOOD);
    expect(keptAdminToken(home)).toBe(GOOD);
    chownSync(path, NOBODY, NOBODY);
    expect(keptAdminToken(home)).toBeNull();
  });

  test('whose place a folder has is an error that names it', () => {
    mkdirSync(path);
    expect(keptAdminToken(home)).toBeNull();
    expect(() => ensureAdminToken(home)).toThrow(`"${path}" is in the way, and cannot be removed`);
  });
});
