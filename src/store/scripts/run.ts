import type { Link } from '../connection/connection.ts';
import { guarded } from './guard.ts';

const texts = new Map<string, string>();

/**
 * Runs one of our scripts: all of it, or nothing where Redis would refuse a part.
 * @throws StoreError
 */
export function runScript(
  link: Link,
  script: string,
  keys: readonly string[],
  ...args: readonly (string | number)[]
): Promise<unknown> {
  const text = texts.get(script) ?? guarded(script);
  texts.set(script, text);
  return link.run((redis) => redis.eval(text, keys.length, ...keys, ...args));
}

/** What a script answered, as a list; anything else is an empty one. */
export function list(reply: unknown): unknown[] {
  return Array.isArray(reply) ? reply : [];
}
