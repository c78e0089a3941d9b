import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { FailedError } from '../../src/errors.ts';
import { writeLasting, writeOnce, writeWhole } from '../../src/state/whole-file.ts';
import { temporaryFolder } from '../helpers/cleanup.ts';

describe.each([
  ['a file of the state folder', writeWhole],
  ['one that is to outlive a crash of the machine', writeLasting],
])('%s', (_, write) => {
  test('takes the place of the one before, for its owner alone, and leaves no draft', () => {
    const folder = temporaryFolder();
    const path = join(folder, 'note');
    write(path, 'first');
    write(path, 'second');
    expect(readFileSync(path, 'utf8')).toBe('second');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['note']);
  });

  test('that cannot be written is named, and leaves all as it was', () => {
    const folder = temporaryFolder();
    const path = join(folder, 'note');
    mkdirSync(join(path, 'in the way'), { recursive: true });
    expect(() => write(path, 'x')).toThrow(FailedError);
    expect(() => write(path, 'x')).toThrow(JSON.stringify(path));
    expect(readdirSync(folder)).toEqual(['note']);
  });
});

test('of two that write a file once, the first stays', () => {
  const path = join(temporaryFolder(), 'key');
  expect([writeOnce(path, 'first'), writeOnce(path, 'second')]).toEqual([true, false]);
  expect(readFileSync(path, 'utf8')).toBe('first');
});
