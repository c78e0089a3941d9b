import { readdirSync } from 'node:fs';
import { join } from 'node:path';

export const SCRIPTS = join(import.meta.dirname, '..', '..', 'src', 'store', 'scripts');

/** Every script that Redis runs, by its path. */
export function scriptFiles(): string[] {
  const files = readdirSync(SCRIPTS, { recursive: true, encoding: 'utf8' });
  return files
    .filter((file) => file.endsWith('.lua') && !file.startsWith('include/'))
    .map((file) => join(SCRIPTS, file));
}
