import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import type { TestRedis } from './redis.ts';

const DOCS = new URL('../../docs/operations.md', import.meta.url);

/** What docs/operations.md says that a user of Redis needs: everything after its name and password. */
export function documentedRule(): string[] {
  const text = readFileSync(DOCS, 'utf8');
  const [, words = ''] = /redis-cli ACL SETUSER meow on '>password' ([^`]*)```/.exec(text) ?? [];
  return words.split(/[\s\\]+/).flatMap((word) => word.replaceAll("'", '') || []);
}

/** A user of that Redis with exactly these rights, as an address. */
export async function addUser(
  redis: TestRedis,
  name: string,
  rule: readonly string[],
): Promise<string> {
  const raw = new Redis(redis.url);
  await raw.acl('SETUSER', name, 'reset', 'on', '>secret-word', ...rule);
  raw.disconnect();
  return redis.url.replace('//', `//${name}:secret-word@`);
}
