import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { FailedError } from '../errors.ts';
import {
  isVariableName,
  MAX_VARIABLES,
  type Variables,
  variableBytes,
} from '../model/variables.ts';
import { quote, systemReason } from '../text.ts';

export interface EnvFile {
  readonly variables: Variables;
  /** How many names in it no shell could set. */
  readonly skipped: number;
}

export interface EnvLimits {
  readonly maxEnvBytes: number;
  readonly maxVariableBytes: number;
}

const CHECK = 'Check --env-file';

/**
 * Reads a file of variables, as Node's own `--env-file` does.
 * @throws FailedError where it is not there, cannot be read, is too large or holds what cannot be
 *   an environment; a value is never named
 */
export function readEnvFile(path: string, limits: EnvLimits): EnvFile {
  const bytes = readWhole(path, limits.maxEnvBytes);
  const all = Object.entries(parseEnv(decode(bytes, path))) as [string, string][];
  const good = all.filter(([name]) => isVariableName(name));
  if (good.length > MAX_VARIABLES) {
    throw unusable(path, `has ${good.length} variables`, `Use at most ${MAX_VARIABLES}`);
  }
  for (const [name, value] of good) check(path, name, value, limits.maxVariableBytes);
  return { variables: Object.fromEntries(good), skipped: all.length - good.length };
}

// A pipe would be empty at the next start, and may never end: only what can be read again will do.
function readWhole(path: string, maxBytes: number): Buffer {
  const fd = open(path);
  try {
    const found = fstatSync(fd);
    if (!found.isFile()) throw unusable(path, 'is not a file', CHECK);
    if (found.size > maxBytes) throw tooLarge(path, found.size, maxBytes);
    const bytes = readFileSync(fd);
    // It may have grown since.
    if (bytes.length > maxBytes) throw tooLarge(path, bytes.length, maxBytes);
    return bytes;
  } finally {
    closeSync(fd);
  }
}

function open(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw unusable(path, 'is not there', CHECK);
    throw unusable(path, `cannot be read: ${systemReason(cause)}`, CHECK);
  }
}

function decode(bytes: Buffer, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes); // without a byte order mark
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw unusable(path, 'is not UTF-8 text', CHECK);
  }
}

function check(path: string, name: string, value: string, maxBytes: number): void {
  if (value.includes('\0')) {
    throw unusable(path, `has a NUL character in ${name}`, 'No environment can hold one');
  }
  const bytes = variableBytes(name, value);
  if (bytes > maxBytes) {
    const remedy = `A variable may take ${maxBytes}: put what is long into a file`;
    throw unusable(path, `has variable ${quote(name)} of ${bytes} bytes`, remedy);
  }
}

function tooLarge(path: string, bytes: number, most: number): FailedError {
  return unusable(path, `has ${bytes} bytes`, `Use at most ${most}`);
}

function unusable(path: string, what: string, remedy: string): FailedError {
  return new FailedError('env-file', `env file ${quote(path)} ${what}`, remedy);
}
