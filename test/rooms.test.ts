import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { describe, expect, test } from 'vitest';

const SRC = join(import.meta.dirname, '..', 'src');
const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.ts'),
);

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

const imports: Import[] = files.flatMap((file) => {
  const text = readFileSync(join(SRC, file), 'utf8');
  const found = text.matchAll(
    /^\s*(?:import|export)\s+(type\s)?[^;]*?from '([^']+)'|import\('([^']+)'\)|^import '([^']+)'/gm,
  );
  return [...found].map(([, type, named, lazy, bare]) => ({
    from: file,
    to: target(file, named ?? lazy ?? bare ?? ''),
    typeOnly: type !== undefined,
  }));
});

function target(file: string, specifier: string): string {
  if (!specifier.startsWith('.')) return specifier.replace(/^node:/, '');
  return relative(SRC, normalize(join(SRC, dirname(file), specifier)));
}

const room = (file: string) => (file.includes('/') ? file.slice(0, file.indexOf('/')) : file);

/** What each room may reach besides itself and the ground. */
const allowed: Record<string, readonly string[]> = {
  cli: ['fleet', 'proxy', 'server', 'admin', 'store'],
  fleet: ['store'],
  proxy: ['store'],
  server: ['store'],
  admin: ['store', 'proxy'],
  store: [],
};
const ground = [
  'background.ts',
  'config.ts',
  'errors.ts',
  'interim.ts',
  'linger.ts',
  'read-first-socket.ts',
  'text.ts',
];

describe('the rooms', () => {
  test('are all known, and every file is in one', () => {
    const rooms = new Set(files.map(room));
    expect([...rooms].sort()).toEqual([...Object.keys(allowed), ...ground].sort());
    expect(imports.length).toBeGreaterThan(100);
  });

  test('import one way only', () => {
    const own = imports.filter(({ to }) => to.endsWith('.ts'));
    const wrong = own.filter(({ from, to }) => {
      const reach = allowed[room(from)] ?? [];
      return room(from) !== room(to) && !ground.includes(to) && !reach.includes(room(to));
    });
    expect(wrong.filter(({ from }) => !ground.includes(from))).toEqual([]);
  });

  test.each([
    ['ioredis', /^store\//],
    ['child_process', /^fleet\/(launcher|local-redis)\.ts$/],
    ['commander', /^cli\//],
    ['chalk', /^cli\//],
    ['koa', /^server\//],
    ['@hono/node-server', /^server\//],
    ['@koa/router', /^server\//],
    ['@koa/multer', /^server\//],
    ['undici', /^proxy\//],
    ['http-proxy', /^proxy\//],
  ])('%s is imported only where it belongs', (name, place) => {
    const users = imports.filter(({ to, typeOnly }) => to === name && !typeOnly);
    expect(users.length).toBeGreaterThan(0);
    expect(users.map(({ from }) => from).filter((file) => !place.test(file))).toEqual([]);
  });

  test('a server beside a program can reach none of what only other servers and verbs need', () => {
    const reached = reachedFrom('cli/program-server.ts');
    const needless = /^(koa|@koa|multer|image-size|commander|chalk|undici|http-proxy|ipaddr|@hono)/;
    expect(reached).toContain('server/relay.ts');
    expect(reached).toContain('ioredis');
    expect(reached.filter((file) => needless.test(file))).toEqual([]);
  });

  test('have no import that comes back to where it began', () => {
    const next = new Map<string, string[]>();
    for (const { from, to, typeOnly } of imports) {
      if (!typeOnly && to.endsWith('.ts')) next.set(from, [...(next.get(from) ?? []), to]);
    }
    expect([...next.keys()].map((file) => cycleFrom(file, next)).filter(Boolean)).toEqual([]);
  });

  test('read the environment in config.ts only, and signal in the launcher only', () => {
    const using = (pattern: RegExp) =>
      files.filter((file) => pattern.test(readFileSync(join(SRC, file), 'utf8')));
    expect(using(/process\.env\b/)).toEqual([]);
    expect(
      using(/process\.kill\(/).filter((file) => !/^fleet\/(launcher|local-redis)/.test(file)),
    ).toEqual([]);
  });
});

/** All that is imported from there on, lazily too, but for types. */
function reachedFrom(start: string): string[] {
  const seen = new Set([start]);
  for (const file of seen) {
    for (const { from, to, typeOnly } of imports) if (from === file && !typeOnly) seen.add(to);
  }
  return [...seen];
}

function cycleFrom(start: string, next: ReadonlyMap<string, string[]>): string | null {
  const seen = new Set<string>();
  const ahead = [...(next.get(start) ?? [])];
  for (let file = ahead.pop(); file !== undefined; file = ahead.pop()) {
    if (file === start) return start;
    if (seen.has(file)) continue;
    seen.add(file);
    ahead.push(...(next.get(file) ?? []));
  }
  return null;
}
