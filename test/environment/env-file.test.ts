import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { defaults } from '../../src/defaults.ts';
import { readEnvFile } from '../../src/environment/env-file.ts';
import { temporaryFolder } from '../helpers/cleanup.ts';

function written(content: string | Buffer): string {
  const path = join(temporaryFolder(), '.env');
  writeFileSync(path, content);
  return path;
}

const many = Array.from({ length: 2_001 }, (_, at) => `A${at}=1`).join('\n');

describe('a file of variables', () => {
  test.each<[string, string, Record<string, string>]>([
    ['lines of NAME=VALUE', 'A=1\nB=two words\n', { A: '1', B: 'two words' }],
    ['comments and empty lines', '# no\n\nA=1 # nor this\n', { A: '1' }],
    ['quotes', 'A="x y"\nB=\'$A\'\n', { A: 'x y', B: '$A' }],
    ['export in front, as shells have it', 'export A=1\n', { A: '1' }],
    ['a value with = in it', 'A=b=c\n', { A: 'b=c' }],
    ['a byte order mark', '\ufeffA=1\n', { A: '1' }],
    ['nothing', '', {}],
  ])('may hold %s', (_what, content, variables) => {
    expect(readEnvFile(written(content), defaults)).toEqual({ variables, skipped: 0 });
  });

  test('may hold names that no shell could set: they are left out and counted', () => {
    expect(readEnvFile(written('1A=1\nA-B=2\nC=3\n'), defaults)).toEqual({
      variables: { C: '3' },
      skipped: 2,
    });
  });

  test.each<[string, string | Buffer, string]>([
    ['with a NUL', 'A=\0', 'has a NUL character in A'],
    ['of bytes that are no text', Buffer.from([65, 61, 255]), 'is not UTF-8 text'],
    ['that is too large', 'A=x\n'.repeat(300_000), 'has 1200000 bytes'],
    ['of too many variables', many, 'has 2001 variables'],
    ['with one that is too long', `A=${'x'.repeat(200_000)}`, 'has variable "A" of 200003 bytes'],
  ])('%s is refused, and no value is named', (_what, content, why) => {
    const path = written(content);
    expect(() => readEnvFile(path, defaults)).toThrow(`env file "${path}" ${why}`);
    expect(() => readEnvFile(path, defaults)).not.toThrow('xxxx');
  });

  test('that is a pipe is refused: it would be empty at the next start', () => {
    const path = join(temporaryFolder(), 'pipe');
    spawnSync('mkfifo', [path]);
    expect(() => readEnvFile(path, defaults)).toThrow(`"${path}" is not a file`);
  });

  test('that is not there is refused by name', () => {
    expect(() => readEnvFile('/no/such/.env', defaults)).toThrow('"/no/such/.env" is not there');
  });
});
