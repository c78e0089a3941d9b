import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { describe, expect, test } from 'vitest';

const SRC = join(import.meta.dirname, '..', 'src');
const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) =>
  /(?<!\.d)\.ts$/.test(file),
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

const room = (file: string) => dirname(file);
const isGround = (file: string) => !file.includes('/');

/** Whose values each room uses besides its own and those of the ground: the files of src/ itself. */
const uses: Record<string, readonly string[]> = {
  'cli/history': [
    'cli/context',
    'cli/flags',
    'fleet/targets',
    'health',
    'logs',
    'model',
    'process',
    'state',
    'time',
  ],
  cli: [
    ...['cli/completion', 'cli/context', 'cli/doctor', 'cli/flags', 'cli/history'],
    ...['cli/output', 'cli/serve', 'cli/up', 'cli/verbs'],
  ],
  'cli/verbs': [
    ...['cli/context', 'cli/flags', 'cli/output', 'cli/picture-files', 'cli/progress'],
    ...['cli/serve', 'cli/top', 'cli/up'],
    ...[
      'fleet/destroy',
      'fleet/restart',
      'fleet/scale',
      'fleet/spawn',
      'fleet/targets',
      'fleet/up',
    ],
    ...['engine', 'local-redis', 'logs', 'process', 'state', 'terminal', 'time'],
  ],
  handover: ['model'],
  'cli/up': [
    'handover',
    'fleet/up',
    ...['cli/context', 'cli/flags', 'cli/output', 'cli/progress', 'admin', 'engine', 'proxy'],
    ...['process/channel', 'proxy/workers'],
    ...['fleet/destroy', 'fleet/restart', 'fleet/scale', 'fleet/spawn', 'local-redis', 'logs'],
    ...['model', 'process', 'state', 'store/connection', 'time'],
  ],
  'cli/serve': [
    ...['cli/context', 'cli/flags', 'cli/output', 'cats', 'hosting', 'server', 'health'],
    ...['fleet/death-watch', 'fleet/desired', 'environment', 'logs', 'model', 'process'],
  ],
  'cli/context': [
    ...['fleet/desired', 'fleet/destroy', 'fleet/reconciler', 'fleet/targets', 'fleet/up'],
    ...['environment', 'local-redis', 'process', 'state', 'store', 'store/connection'],
  ],
  'cli/output': ['cli/flags', 'model', 'overview', 'process', 'state', 'time'],
  'cli/flags': ['environment', 'health', 'hosting', 'model', 'state'],
  'cli/progress': ['cli/output', 'time'],
  'cli/top': [
    ...['cli/context', 'cli/output', 'cli/progress', 'cli/top/frame', 'cli/top/source', 'cli/up'],
    ...['model', 'process', 'time'],
  ],
  'cli/top/frame': ['cli/output', 'cli/progress', 'model', 'overview', 'time'],
  'cli/top/source': ['model', 'overview', 'time'],
  'cli/completion': ['cli/flags', 'cli/output', 'logs', 'model', 'state'],
  'cli/doctor': [...['cli/context', 'cli/flags', 'doctor', 'local-redis', 'process']],
  'cli/picture-files': ['cats/picture', 'terminal'],

  terminal: ['terminal/decode', 'process'],
  'terminal/decode': [],

  'fleet/restart': [
    ...['fleet/destroy', 'fleet/spawn', 'fleet/targets', 'environment', 'model', 'process'],
    ...['state', 'time'],
  ],
  'fleet/scale': ['fleet/destroy', 'fleet/spawn', 'fleet/targets', 'model', 'process', 'time'],
  'fleet/reconciler': [
    ...['fleet/death-watch', 'fleet/desired', 'fleet/spawn', 'fleet/targets', 'logs', 'model'],
    'process',
  ],
  'fleet/desired': [
    ...['fleet/death-watch', 'fleet/targets', 'environment', 'model', 'process', 'state', 'store'],
    'time',
  ],
  'fleet/destroy': ['fleet/targets', 'fleet/up', 'model', 'process', 'state', 'time'],
  'fleet/spawn': ['environment', 'logs', 'model', 'process', 'state'],
  'fleet/targets': ['environment', 'model', 'process', 'time'],
  'fleet/up': ['process', 'state', 'time'],
  'fleet/death-watch': ['state', 'store'],

  page: ['page/changes', 'page/connection', 'page/elements', 'page/parts', 'overview'],
  'page/changes': ['page/connection', 'page/elements', 'overview'],
  'page/parts': ['model', 'page/connection', 'page/elements', 'overview', 'time'],
  'page/connection': ['overview'],
  'page/elements': [],
  overview: [],

  admin: [
    'admin/responses',
    'admin/changes',
    'admin/overview',
    'cats/picture',
    'metrics/exposition',
  ],
  'admin/responses': ['http', 'proxy', 'proxy/client'],
  'admin/changes': ['admin/responses'],
  'admin/overview': ['model'],
  engine: [
    ...['engine/clients', 'engine/config', 'engine/requests', 'engine/runtime', 'health', 'logs'],
    ...[
      'metrics',
      'model',
      'process',
      'proxy',
      'proxy/exchange',
      'proxy/upstream',
      'state',
      'time',
    ],
  ],
  'engine/clients': ['engine/config', 'proxy/sticky', 'proxy/tls', 'state'],
  'engine/config': ['health', 'proxy/client', 'proxy/sticky', 'proxy/tls'],
  'engine/requests': ['engine/config', 'proxy/exchange', 'time'],
  'engine/runtime': ['engine/config'],
  proxy: [
    ...['proxy/client', 'proxy/exchange', 'proxy/http2', 'proxy/sticky', 'proxy/tls'],
    ...['proxy/upstream', 'proxy/websocket', 'http', 'metrics', 'time'],
  ],
  'proxy/workers': [
    ...['proxy', 'proxy/exchange', 'proxy/sticky', 'proxy/upstream', 'metrics', 'time'],
  ],
  'proxy/tls': [],
  'proxy/http2': ['proxy/client', 'proxy/exchange', 'http'],
  'proxy/websocket': ['proxy/exchange', 'proxy/client', 'proxy/upstream', 'http'],
  'proxy/exchange': ['proxy/client', 'proxy/upstream', 'http'],
  'proxy/client': ['proxy/upstream', 'http'],
  'proxy/upstream': ['health', 'http'],
  'proxy/sticky': [],
  'metrics/exposition': ['metrics'],
  metrics: [],

  cats: ['cats/picture', 'cats/upload', 'http', 'model', 'time'],
  'cats/upload': ['cats/picture'],
  'cats/picture': [],
  server: ['health', 'http', 'metrics', 'model', 'time'],
  hosting: ['health', 'http', 'time'],
  health: [],
  http: [],

  doctor: ['process', 'state', 'time'],

  'local-redis': ['logs', 'process', 'state', 'store/connection', 'time'],
  environment: ['model', 'process', 'state'],
  process: ['logs', 'model', 'state', 'store/connection', 'time'],
  'process/channel': ['process'],
  logs: [],
  state: ['model'],

  store: [
    ...['model', 'store/connection', 'store/discovery', 'store/events', 'store/pictures'],
    'store/scripts',
  ],
  'store/discovery': ['store/connection', 'time'],
  'store/events': ['model', 'store/connection', 'store/scripts', 'time'],
  'store/pictures': ['store/connection', 'store/scripts', 'time'],
  'store/scripts': [],
  'store/connection': ['time'],
  model: [],
  time: [],
};
const MOST_FILES = 18;
const MOST_LINES = 220;
const FEWEST_LINES = 20;
/** Files that are a boundary, however short: the way into a program or a room. */
const boundaries = ['cli/main.ts', 'server/serve.ts'];
const isThin = (file: string) => !boundaries.includes(file);

/** All that is left: what one door shares is made up of its rooms, and so is the store. */
const shareTypesBothWays = [
  'proxy proxy/exchange',
  'proxy/client proxy/exchange',
  'proxy/client proxy/sticky',
  'store store/events',
  'store store/pictures',
];

const own = imports.filter(({ to }) => to.endsWith('.ts'));

describe('the rooms', () => {
  test('are all known, and every file outside them is ground', () => {
    const rooms = new Set(files.filter((file) => !isGround(file)).map(room));
    expect([...rooms].sort()).toEqual(Object.keys(uses).sort());
    expect(imports.length).toBeGreaterThan(100);
  });

  test('use the values of those below them only', () => {
    const wrong = own.filter(({ from, to, typeOnly }) => {
      const reach = isGround(from) ? [] : (uses[room(from)] ?? []);
      return !typeOnly && room(from) !== room(to) && !isGround(to) && !reach.includes(room(to));
    });
    expect(wrong).toEqual([]);
  });

  test('are used by somebody wherever the table says so', () => {
    const seen = new Set(own.map(({ from, to }) => `${room(from)} ${room(to)}`));
    const unused = Object.entries(uses).flatMap(([from, reach]) =>
      reach.filter((to) => !seen.has(`${from} ${to}`)).map((to) => `${from} ${to}`),
    );
    expect(unused).toEqual([]);
  });

  test('never come back to where they began', () => {
    const next = new Map(Object.entries(uses).map(([from, reach]) => [from, [...reach]]));
    expect([...next.keys()].map((name) => cycleFrom(name, next)).filter(Boolean)).toEqual([]);
  });

  test('share types downwards too, from house to house', () => {
    const house = (file: string) => file.slice(0, file.indexOf('/'));
    const next = new Map<string, string[]>();
    for (const { from, to } of own.filter(({ from, to }) => !isGround(from) && !isGround(to))) {
      if (house(from) !== house(to))
        next.set(house(from), [...(next.get(house(from)) ?? []), house(to)]);
    }
    expect([...next.keys()].map((name) => cycleFrom(name, next)).filter(Boolean)).toEqual([]);
  });

  test('share types one way inside a house too, but for these', () => {
    const within = own.filter(({ from, to }) => !isGround(from) && !isGround(to));
    const pairs = new Set(within.map(({ from, to }) => `${room(from)} ${room(to)}`));
    const bothWays = [...pairs].filter((pair) => {
      const [from = '', to = ''] = pair.split(' ');
      return from < to && pairs.has(`${to} ${from}`);
    });
    expect(bothWays.sort()).toEqual(shareTypesBothWays);
  });

  test(`hold 1 to ${MOST_FILES} files, none of them too thin or too thick`, () => {
    const counts = Object.keys(uses).map(
      (name) => files.filter((file) => room(file) === name).length,
    );
    expect(Math.max(...counts)).toBeLessThanOrEqual(MOST_FILES);
    const lines = (file: string) => readFileSync(join(SRC, file), 'utf8').split('\n').length - 1;
    const thick = files.filter((file) => lines(file) > MOST_LINES);
    const thin = files.filter((file) => lines(file) < FEWEST_LINES && isThin(file));
    expect({ thick, thin }).toEqual({ thick: [], thin: [] });
  });

  test('are listed in docs/architecture.md, all of them and no others', () => {
    const page = readFileSync(join(SRC, '..', 'docs', 'architecture.md'), 'utf8');
    const tree = page.slice(page.indexOf('\nsrc/\n'), page.indexOf('\ntest/'));
    const listed = [...tree.matchAll(/^ {2}([a-z0-9-]+(?:\/[a-z0-9-]+)*)\/ /gm)].map(
      ([, name]) => name,
    );
    expect(listed.sort()).toEqual(Object.keys(uses).sort());
  });

  test('have their in-process tests in folders of the same name, apart from e2e, chaos and what they share', () => {
    const others = ['chaos', 'e2e', 'fixtures', 'helpers'];
    const folders = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !isGround(file))
      .map(dirname)
      .filter((folder) => !others.includes(folder.split('/')[0] ?? ''));
    expect(folders.length).toBeGreaterThan(20);
    expect(folders.filter((folder) => !existsSync(join(SRC, folder)))).toEqual([]);
  });

  test.each([
    ['ioredis', /^store\//],
    [
      'child_process',
      /^(process\/(channel\/forked|launcher|system-commands)|handover\/pass-socket|local-redis\/run)\.ts$/,
    ],
    ['commander', /^cli\//],
    ['chalk', /^cli\//],
    ['koa', /^cats\//],
    ['@hono/node-server', /^hosting\//],
    ['@koa/router', /^cats\//],
    ['@koa/multer', /^cats\//],
    ['prom-client', /^metrics\/exposition\//],
    ['undici', /^proxy\//],
    ['http-proxy', /^proxy\//],
  ])('%s is imported only where it belongs', (name, place) => {
    const users = imports.filter(({ to, typeOnly }) => to === name && !typeOnly);
    expect(users.length).toBeGreaterThan(0);
    expect(users.map(({ from }) => from).filter((file) => !place.test(file))).toEqual([]);
  });

  test('let a server beside a program reach none of what only other servers and verbs need', () => {
    const reached = reachedFrom('cli/program-server.ts');
    const needless = /^(koa|@koa|multer|image-size|commander|chalk|undici|http-proxy|ipaddr|@hono)/;
    expect(reached).toContain('hosting/relay.ts');
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

  test("are handed their settings: only the command line, settings.ts and the door's options read defaults.ts", () => {
    const readers = imports.filter(({ to }) => to === 'defaults.ts').map(({ from }) => from);
    const elsewhere = readers.filter((file) => !file.startsWith('cli/'));
    expect(elsewhere.sort()).toEqual(['proxy/options.ts', 'settings.ts']);
  });

  test('do again and again by loop.ts only, but for what ends with a socket, and the watch for sleep', () => {
    const own = files.filter((file) =>
      /\bsetInterval\(/.test(readFileSync(join(SRC, file), 'utf8')),
    );
    expect(own.sort()).toEqual(['hosting/tunnel.ts', 'time/sleep-watch.ts']);
  });

  test('read the environment in settings.ts only, and signal in process/terminate.ts and local-redis/run.ts only', () => {
    const using = (pattern: RegExp) =>
      files.filter((file) => pattern.test(readFileSync(join(SRC, file), 'utf8')));
    expect(using(/process\.env\b/)).toEqual([]);
    expect(
      using(/process\.kill\(/).filter(
        (file) => !/^(process\/terminate|local-redis\/run)/.test(file),
      ),
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
