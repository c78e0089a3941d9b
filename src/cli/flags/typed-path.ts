import { type BigIntStats, statSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import type { Context } from '../context/context.ts';

/**
 * The folder a person is in, by the name they went there by: behind a link such as `current`, which
 * may lead elsewhere tomorrow, the system knows only where it leads now.
 */
export function typedFolder({ config, process }: Pick<Context, 'config' | 'process'>): string {
  const here = process.cwd();
  const { PWD: typed = '' } = config.childEnv;
  return isAbsolute(typed) && isSame(typed, here) ? resolve(typed) : here;
}

/**
 * A path as it was typed, made absolute; no link in it is resolved. `..` behind a link means what it
 * means to every other program.
 */
export function typedPath(text: string, context: Pick<Context, 'config' | 'process'>): string {
  const path = resolve(typedFolder(context), text);
  const meant = resolve(context.process.cwd(), text);
  return path === meant || isSame(path, meant) || !look(meant) ? path : meant;
}

function isSame(one: string, other: string): boolean {
  const [a, b] = [look(one), look(other)];
  return a !== null && b !== null && a.dev === b.dev && a.ino === b.ino;
}

function look(path: string): BigIntStats | null {
  try {
    return statSync(path, { bigint: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return null; // not there, or not to be seen: then it is not the same
  }
}
