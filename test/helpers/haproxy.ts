import { existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

/** As the machine has it, or as scripts/setup.mjs unpacked it: there a script says where its libraries are. */
export function haproxy(): string {
  const unpacked = join(import.meta.dirname, '../../node_modules/.cache/haproxy/bin/haproxy');
  const places = ['/usr/sbin/haproxy', '/usr/local/sbin/haproxy'];
  return [...places, unpacked].find((path) => existsSync(path)) ?? 'haproxy';
}

/** A PATH on which it is found. */
export function withHaproxy(path = process.env.PATH ?? ''): string {
  return `${dirname(haproxy())}${delimiter}${path}`;
}
