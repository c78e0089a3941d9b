// Bundles the CLI into one file, so that a verb starts in milliseconds: see docs/decisions.md.

import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, rmSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

// Built-in modules that cost milliseconds to load and that most runs never touch.
const LAZY = new Set([
  'tls',
  'crypto',
  'dns',
  'dns/promises',
  'http',
  'https',
  'http2',
  'zlib',
  'child_process',
  'assert',
  'readline',
]);

// The same for our own imports, where all that is used of a module are functions.
const LAZY_FUNCTIONS = {
  crypto: ['createHash', 'createHmac', 'randomBytes', 'randomInt', 'timingSafeEqual'],
  'fs/promises': ['lstat', 'open', 'rename', 'unlink'],
};

// Can be listed, so that it can be imported as a namespace.
const LAZY_MODULE = `
  const described = (_, key) => {
    const found = Reflect.getOwnPropertyDescriptor(load(), key);
    return found && { ...found, configurable: true };
  };
  module.exports = new Proxy({}, {
    get: (_, key) => load()[key],
    has: (_, key) => key in load(),
    ownKeys: () => Reflect.ownKeys(load()),
    getOwnPropertyDescriptor: described,
  });`;

// Called many times a request: through a proxy that costs 2 of 37 µs.
const LAZY_ASSERT = `
  const assert = (value, message) => { if (!value) load()(value, message); };
  Object.setPrototypeOf(assert, new Proxy({}, { get: (_, key) => load()[key] }));
  module.exports = assert;`;

/** Turns `require('tls')` at the top of a dependency into one at first use. */
const lazyBuiltins = {
  name: 'lazy-builtins',
  setup(bundle) {
    bundle.onResolve({ filter: /.*/ }, ({ path, namespace, kind }) => {
      const name = path.replace(/^node:/, '');
      if (!builtinModules.includes(name)) return undefined;
      if (name in LAZY_FUNCTIONS && kind === 'import-statement') {
        return { path: name, namespace: 'lazy-functions' };
      }
      const lazy = LAZY.has(name) && !namespace.startsWith('lazy') && kind === 'require-call';
      return lazy ? { path: name, namespace: 'lazy' } : { path: `node:${name}`, external: true };
    });
    bundle.onLoad({ filter: /.*/, namespace: 'lazy' }, ({ path }) => ({
      contents: `let it; const load = () => (it ??= require('node:${path}'));
        ${path === 'assert' ? LAZY_ASSERT : LAZY_MODULE}`,
      loader: 'js',
    }));
    bundle.onLoad({ filter: /.*/, namespace: 'lazy-functions' }, ({ path }) => ({
      contents: LAZY_FUNCTIONS[path]
        .map(
          (name) =>
            `export const ${name} = (...given) => require('node:${path}').${name}(...given);`,
        )
        .join('\n'),
      loader: 'js',
    }));
  },
};

rmSync(`${root}dist`, { recursive: true, force: true });
await build({
  absWorkingDir: root,
  entryPoints: { meowctl: 'src/cli/main.ts' },
  outdir: 'dist',
  outExtension: { '.js': '.cjs' },
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  // A script that comes from the code cache cannot import(), so what is not bundled is required.
  supported: { 'dynamic-import': false },
  minify: true,
  legalComments: 'none',
  // As scripts/start.cjs runs it.
  banner: { js: '(function (exports, require, module, __filename, __dirname) {' },
  footer: { js: '})' },
  logLevel: 'warning',
  plugins: [lazyBuiltins],
});

for (const file of ['start.cjs', 'load-app.cjs']) {
  copyFileSync(`${root}scripts/${file}`, `${root}dist/${file}`);
}
await writeCodeCache();

/** Runs a verb once and keeps what V8 compiled: see scripts/start.cjs. With a Redis it gets further. */
async function writeCodeCache() {
  const cache = `${root}dist/meowctl.cjs.${process.version}-${process.arch}.cache`;
  const port = await freePort();
  const settings = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', tmpdir()];
  const redis = spawn('redis-server', settings, { stdio: 'ignore' });
  const started = await new Promise((resolve) => {
    redis.once('error', () => resolve(false));
    waitFor(port, 50).then(resolve);
  });
  const url = `redis://127.0.0.1:${started ? port : 1}`;
  spawnSync(process.execPath, [`${root}dist/start.cjs`, 'listservers', '--json'], {
    env: { ...process.env, REDIS_URL: url, MEOW_WRITE_CODE_CACHE: cache },
    stdio: 'ignore',
  });
  redis.kill();
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

async function waitFor(port, tries) {
  for (let left = tries; left > 0; left--) {
    const open = await new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true));
      socket.once('error', () => resolve(false)).once('connect', () => socket.destroy());
    });
    if (open) return true;
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
  return false;
}
