import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Where the backends note the id of each request that reaches them, each in a file of its own.
 * @param {import('../lib/world.mjs').World} world
 */
export function createNotes(world, name) {
  const folder = join(world.folder, `notes-${name}`);
  mkdirSync(folder);
  return { folder, countTwice: (prefix) => countTwice(folder, prefix) };
}

/** How many requests with this prefix reached a backend more than once, by method. */
function countTwice(folder, prefix) {
  const times = new Map();
  for (const file of readdirSync(folder)) {
    for (const id of readFileSync(join(folder, file), 'utf8').split('\n')) {
      if (id.startsWith(`${prefix}-`)) times.set(id, (times.get(id) ?? 0) + 1);
    }
  }
  const repeated = [...times].filter(([, count]) => count > 1).map(([id]) => id);
  const count = (method) => repeated.filter((id) => id.includes(`-${method}-`)).length;
  return { GET: count('GET'), POST: count('POST') };
}
