import { execFile, execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { needs, testWith, thorough } from '../helpers/needs.ts';
import {
  type As,
  emptyFolder,
  installGlobally,
  npm,
  type Packed,
  pack,
  ROOT,
  runInstalled,
} from '../helpers/package.ts';
import { startRedis, type TestRedis } from '../helpers/redis.ts';

const MIB = 1_024 * 1_024;
const NOBODY = 65_534;

let redis: TestRedis;
let packed: Packed;
let installed: Awaited<ReturnType<typeof installGlobally>>;
let dist: string;

beforeAll(async () => {
  [redis, packed] = await Promise.all([startRedis(), pack()]);
  installed = await installGlobally(packed);
  dist = join(installed.root, 'dist');
});
afterAll(async () => {
  await redis.stop();
  packed.remove();
});

const readJson = (path: string) => JSON.parse(readFileSync(path, 'utf8'));

function meowctl(args: readonly string[], { env, ...as }: As = {}) {
  return runInstalled(installed.command, args, { env: { REDIS_URL: redis.url, ...env }, ...as });
}

describe('what is published', () => {
  test('asks for no package and runs nothing, while the repository goes on naming what it uses', () => {
    const manifest = readJson(join(installed.root, 'package.json'));
    expect(manifest).toMatchObject({ name: 'meowctl', bin: { meowctl: 'bin/meowctl.js' } });
    for (const name of ['dependencies', 'devDependencies', 'scripts']) {
      expect(manifest).not.toHaveProperty(name);
    }
    const own = (name: string) => readFileSync(join(packed.source, name), 'utf8');
    expect(own('package.json')).toBe(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    expect(readdirSync(packed.source).filter((name) => name.startsWith('package.json'))).toEqual([
      'package.json',
    ]);
  });

  test('is one package of at most 4 MB, without a code cache', () => {
    expect(installed.said).toMatch(/^added 1 package/m);
    expect(readdirSync(dirname(installed.root))).toEqual(['meowctl']);
    const files = readdirSync(installed.root, { recursive: true, encoding: 'utf8' });
    const sizes = files.map((file) => statSync(join(installed.root, file)).size);
    expect(sizes.reduce((sum, size) => sum + size)).toBeLessThan(4 * MIB);
    expect(files.filter((file) => file.includes('.cache'))).toEqual([]);
  });

  test('carries the licence of everything that is bundled', () => {
    const text = readFileSync(join(dist, 'THIRD_PARTY_LICENSES'), 'utf8');
    const notices = text.split(`\n${'-'.repeat(72)}\n\n`);
    const named = new Set(notices.map((notice) => notice.split(' ')[0]));
    const { dependencies } = readJson(join(ROOT, 'package.json'));
    const used = Object.keys(dependencies).filter((name) => name !== 'http-proxy');
    for (const name of [...used, 'http-proxy-3', 'busboy', 'mime-db', 'on-finished']) {
      expect(named).toContain(name);
    }
    for (const notice of notices) expect(notice).toMatch(/permission|Apache License/i);
  });

  test('has every page that its README leads to, but not the pictures, which a terminal does not show', () => {
    const page = readFileSync(join(installed.root, 'README.md'), 'utf8');
    const links = [...page.matchAll(/(?<!!\[[^\]]*)\]\(([^)#:]+)\)/g)].map(([, link = '']) => link);
    expect(links).toContain('docs/operations.md');
    expect(links.filter((link) => !existsSync(join(installed.root, link)))).toEqual([]);
    expect(existsSync(join(installed.root, 'docs', 'tour.svg'))).toBe(false);
  });

  test('may not be published from the folder, where npm would name the wrong packages', async () => {
    const refused = await npm(['run', 'prepublishOnly'], packed.source).catch((error) => error);
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.stderr).toContain('npm publish "$(npm pack --silent)"');
  });
});

test('a build with --dev is as it was written, and its maps hold every source', async () => {
  const { source } = packed;
  await promisify(execFile)(process.execPath, [join('scripts', 'build.mjs'), '--dev'], {
    cwd: source,
  });
  for (const name of ['meowctl', 'program-server']) {
    const text = readFileSync(join(source, 'dist', `${name}.cjs`), 'utf8');
    expect(/^ *async function openClient\(\w+, \w+, \w+\) \{$/m.test(text)).toBe(true);
    expect(text.trimEnd().split('\n').at(-1)).toBe(`//# sourceMappingURL=${name}.cjs.map`);
    const map = readJson(join(source, 'dist', `${name}.cjs.map`));
    const at = map.sources.indexOf('../src/store/connection/client.ts');
    expect(map.sourcesContent[at]).toBe(
      readFileSync(join(ROOT, 'src/store/connection/client.ts'), 'utf8'),
    );
  }
  const command = join(source, 'bin', 'meowctl.js');
  const env = { REDIS_URL: 'redis://127.0.0.1:1' };
  const { code, stderr } = await runInstalled(command, ['get', '--debug'], { env });
  expect([code, stderr]).toEqual([4, expect.stringContaining('(src/cli/context/context.ts:')]);
});

describe('an installed meowctl', () => {
  test('runs from an empty folder, with npx too', async () => {
    const cwd = emptyFolder(packed.folder, 'empty');
    const { version } = readJson(join(ROOT, 'package.json'));
    expect((await meowctl(['--version'], { cwd })).stdout).toBe(`${version}\n`);
    const package_ = `--package=${packed.tarball}`;
    const said = await npm(['exec', '--yes', package_, '--', 'meowctl', '--version'], cwd);
    expect(said).toBe(`${version}\n`);
  });

  test('names files of src/ with --debug', async () => {
    const env = { REDIS_URL: 'redis://127.0.0.1:1' };
    const { code, stderr } = await meowctl(['get', '--debug'], { env });
    expect(code).toBe(4);
    const places = [...stderr.matchAll(/\((src\/[\w/.-]+):(\d+):\d+\)/g)];
    expect(places.map(([, file]) => file)).toContain('src/cli/context/context.ts');
    for (const [, file = '', line] of places) {
      const lines = readFileSync(join(ROOT, file), 'utf8').split('\n');
      expect(lines.length).toBeGreaterThan(Number(line));
    }
    expect((await meowctl(['get'], { env })).stderr.split('\n')).toHaveLength(3);
  });
});

describe('the code cache', () => {
  const caches = (folder = dist) =>
    existsSync(folder) ? readdirSync(folder).filter((name) => name.includes('.cache')) : [];
  const only = () => join(dist, caches()[0] ?? '');
  const ran = { code: 0, stdout: '[]\n', stderr: '' };
  let good: Buffer;
  let path: string;

  beforeAll(async () => {
    await meowctl(['ls', '--json']);
    path = only();
    good = readFileSync(path);
  });
  beforeEach(() => {
    for (const name of caches()) rmSync(join(dist, name), { recursive: true });
    chmodSync(dist, 0o755);
  });

  /** A cache that makes the bundle's run print `foreign`, as V8 takes it: only its length must fit. */
  function foreignCache(): Buffer {
    const { length } = readFileSync(join(dist, 'meowctl.cjs'), 'latin1');
    const code = '(function () { process.stdout.write("foreign"); })'.padEnd(length);
    const make = `const { Script } = require('node:vm');
      const [length, code] = process.argv.slice(1);
      process.stdout.write(new Script(code.padEnd(Number(length))).createCachedData());`;
    const data = execFileSync(process.execPath, ['-e', make, String(length), code.trimEnd()]);
    return Buffer.concat([data, data]);
  }

  test('is made by the first run that ends well, for this bundle and Node, and used by the next', async () => {
    await meowctl(['ls', '--bogus']);
    expect(caches()).toEqual([]);
    expect(await meowctl(['ls', '--json'])).toMatchObject(ran);
    expect(caches()).toEqual([
      expect.stringMatching(
        new RegExp(`^meowctl-[0-9a-f]{16}-${process.version}-${process.arch}\\.cache$`),
      ),
    ]);
    const { mtimeMs, ino } = statSync(only());
    expect(await meowctl(['ls', '--json'])).toMatchObject(ran);
    expect(statSync(only())).toMatchObject({ mtimeMs, ino });
    // What would show if one that is not ours were used:
    writeFileSync(only(), foreignCache());
    expect((await meowctl(['ls', '--json'])).stdout).toBe('foreign');
  });

  const keep = (bytes: string | Buffer, mode = 0o600) => {
    writeFileSync(path, bytes);
    chmodSync(path, mode);
  };

  function flipped(): Buffer {
    const bytes = Buffer.from(good);
    bytes.writeUInt8(bytes.readUInt8(bytes.length >> 2) ^ 1, bytes.length >> 2);
    return bytes;
  }

  function linked(): void {
    const elsewhere = join(packed.folder, 'elsewhere');
    writeFileSync(elsewhere, foreignCache(), { mode: 0o600 });
    symlinkSync(elsewhere, path);
  }

  const harms: [string, () => void][] = [
    ['has a flipped bit', () => keep(flipped())],
    ['others may write', () => keep(foreignCache(), 0o620)],
    ['is a link', linked],
    ['is empty', () => keep('')],
    ['is cut short', () => keep(good.subarray(0, 100_000))],
    ['is something else', () => keep('meow'.repeat(50_000))],
    ['is a pipe', () => void execFileSync('mkfifo', [path])],
  ];
  const quick = 3;
  test.each(thorough ? harms : harms.slice(0, quick))(
    'that %s is not used, and made anew',
    async (_, harm) => {
      harm();
      expect(await meowctl(['ls', '--json'])).toMatchObject(ran);
      expect(statSync(path).isFile()).toBe(true);
      const now = readFileSync(path);
      expect(now.length).toBeGreaterThan(good.length / 2);
      expect(now.subarray(0, now.length / 2).equals(now.subarray(now.length / 2))).toBe(true);
    },
  );

  test.runIf(thorough)(
    'of a run that needs little gives way to one of a run that needs more',
    async () => {
      await meowctl(['--version']);
      const { ino, size } = statSync(path);
      await meowctl(['--version']);
      expect(statSync(path)).toMatchObject({ ino, size });
      await meowctl(['ls']);
      expect(statSync(path).size).toBeGreaterThan(size);
    },
  );

  test('in a folder that others may write is not used', async () => {
    keep(foreignCache());
    chmodSync(dist, 0o775);
    expect(await meowctl(['ls', '--json'])).toMatchObject(ran);
  });

  test.runIf(thorough)('of eight first runs at once is whole', async () => {
    const all = await Promise.all(Array.from({ length: 8 }, () => meowctl(['ls', '--json'])));
    for (const one of all) expect(one).toMatchObject(ran);
    expect(caches()).toHaveLength(1);
    const { mtimeMs } = statSync(only());
    expect(await meowctl(['ls', '--json'])).toMatchObject(ran);
    expect(statSync(only())).toMatchObject({ mtimeMs });
  });

  testWith(needs.root, 'of another user is not used', async () => {
    keep(foreignCache());
    chownSync(path, NOBODY, NOBODY);
    expect(await meowctl(['ls', '--json'])).toMatchObject(ran);
  });

  testWith(
    needs.root,
    'is in the state folder for who may not write beside the bundle',
    async () => {
      const home = emptyFolder(packed.folder, 'home');
      const as = { uid: NOBODY, env: { MEOW_HOME: home } };
      chownSync(home, NOBODY, NOBODY);
      chmodSync(home, 0o700);
      expect(await meowctl(['ls', '--json'], as)).toMatchObject(ran);
      expect(caches()).toEqual([]);
      const [name = ''] = caches(join(home, 'cache'));
      const { mtimeMs } = statSync(join(home, 'cache', name));
      expect(await meowctl(['ls', '--json'], as)).toMatchObject(ran);
      expect(statSync(join(home, 'cache', name))).toMatchObject({ mtimeMs });
      // Nor does root leave anything in a folder of somebody else's.
      rmSync(join(home, 'cache'), { recursive: true });
      chmodSync(dist, 0o775);
      expect(await meowctl(['ls', '--json'], { env: { MEOW_HOME: home } })).toMatchObject(ran);
      expect(readdirSync(home)).toEqual([]);
    },
  );

  testWith(needs.root, 'is done without, in silence, where nothing can be written', async () => {
    const home = emptyFolder(packed.folder, 'home');
    const as = { uid: NOBODY, env: { MEOW_HOME: home } };
    expect(await meowctl(['ls', '--json'], as)).toMatchObject(ran);
    expect([...caches(), ...readdirSync(home)]).toEqual([]);
  });
});

describe('a meowctl that is not whole', () => {
  const clone = () => {
    const folder = emptyFolder(packed.folder, 'clone');
    cpSync(installed.root, folder, { recursive: true });
    chmodSync(folder, 0o755);
    return folder;
  };
  const run = (folder: string, as?: As) =>
    runInstalled(join(folder, 'bin', 'meowctl.js'), ['ls'], as);

  test.each([
    ['no dist', 'dist', 'start.cjs'],
    ['no bundle', 'dist/meowctl.cjs', 'meowctl.cjs'],
    ['nothing to load modules with', 'dist/load-app.cjs', 'load-app.cjs'],
  ])('with %s says so in one sentence, and what to do', async (_, missing, named) => {
    const folder = clone();
    rmSync(join(folder, missing), { recursive: true });
    const file = join(folder, 'dist', named);
    expect(await run(folder)).toMatchObject({
      code: 1,
      stdout: '',
      stderr: `meowctl: its installation is not whole: ${file} is missing\n  Run: npm install -g meowctl\n`,
    });
    mkdirSync(join(folder, 'scripts'));
    writeFileSync(join(folder, 'scripts', 'build.mjs'), '');
    expect((await run(folder)).stderr).toBe(
      `meowctl: it is not built: ${file} is missing\n  Run: npm ci   (in ${folder})\n`,
    );
  });

  testWith(needs.root, 'says which file it may not read', async () => {
    const folder = clone();
    chmodSync(join(folder, 'dist'), 0o700);
    expect(await run(folder, { uid: NOBODY })).toMatchObject({
      code: 1,
      stderr: `meowctl: may not read ${join(folder, 'dist', 'start.cjs')}\n  Run: chmod -R a+rX ${folder}\n`,
    });
  });

  test.each(['8.17.0', '20.18.3'])('on Node %s names the Node it needs', async (old) => {
    const preload = join(packed.folder, 'old-node.cjs');
    writeFileSync(preload, `Object.defineProperty(process.versions, 'node', { value: '${old}' });`);
    const env = { NODE_OPTIONS: `--require ${preload}` };
    expect(await run(installed.root, { env })).toMatchObject({
      code: 1,
      stdout: '',
      stderr: `meowctl: Node ${old} is too old\n  Install Node 20.19 or newer\n`,
    });
  });
});
