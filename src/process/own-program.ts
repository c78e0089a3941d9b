import { accessSync, constants, existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { FailedError } from '../errors.ts';
import type { Variables } from '../model/variables.ts';
import { quote } from '../text.ts';
import { captureOutput } from './system-commands.ts';

/** Node, and the file that starts meowctl with it. */
export interface OwnProgram {
  readonly execPath: string;
  readonly cliPath: string;
}

export interface NodeVersion {
  readonly major: number;
  readonly minor: number;
}

/**
 * What we run ourselves, where it still is; else what `node` and `meowctl` are now. A version
 * manager or `npm install` may have moved either away under a process that runs for weeks.
 * @param here where to look: the environment we were started with
 * @param leastNode the oldest Node that will do
 * @throws FailedError where there is none any more
 */
export function ownProgram(
  { execPath, cliPath }: OwnProgram,
  here: Variables,
  leastNode: NodeVersion,
): OwnProgram {
  return {
    execPath: existsSync(execPath) ? execPath : nodeNow(execPath, here, leastNode),
    cliPath: existsSync(cliPath) ? cliPath : cliNow(cliPath, here),
  };
}

/** The files that a name on PATH may mean, in that order. */
export function onPath(name: string, { PATH = '' }: Variables, from = '/'): string[] {
  const files = PATH.split(':').map((folder) => resolve(from, folder, name));
  return files.filter(mayRun);
}

function nodeNow(before: string, here: Variables, least: NodeVersion): string {
  const found = onPath('node', here).find((file) => isNewEnough(file, here, least));
  if (found !== undefined) return found;
  const { major, minor } = least;
  const message = `Node is gone from ${quote(before)}, and none on PATH is ${major}.${minor} or newer`;
  throw new FailedError('node-gone', message, startAgain('node'));
}

function isNewEnough(file: string, here: Variables, least: NodeVersion): boolean {
  const [, major, minor] =
    /^v(\d+)\.(\d+)\./.exec(captureOutput(file, ['--version'], here) ?? '') ?? [];
  if (Number(major) === least.major) return Number(minor) >= least.minor;
  return Number(major) > least.major;
}

function cliNow(before: string, here: Variables): string {
  const found = onPath('meowctl', here)
    .map((file) => realpathSync(file))
    .find(isOurs);
  if (found !== undefined) return found;
  const message = `meowctl is gone from ${quote(before)}, and none is on PATH`;
  throw new FailedError('cli-gone', message, startAgain('meowctl'));
}

function startAgain(name: string): string {
  return `Install it, then start \`meowctl up\` or \`keep\` again from where ${name} is found`;
}

function isOurs(file: string): boolean {
  const root = join(file, '..', '..');
  if (basename(file) !== 'meowctl.js' || !existsSync(join(root, 'dist', 'start.cjs'))) return false;
  return /"name":\s*"meowctl"/.test(readFileSync(join(root, 'package.json'), 'utf8'));
}

function mayRun(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return false;
  }
}
