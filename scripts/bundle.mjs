// Bundles the CLI into one file, so that a verb starts in milliseconds: see docs/decisions.md.

import { createHash } from 'node:crypto';
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { fileURLToPath } from 'node:url';
import { licenseTexts } from './licenses.mjs';
import { luaForEsbuild } from './lua.mjs';
import { bundlePage } from './page.mjs';
import { keepSources } from './source-map.mjs';
import { wasmForEsbuild } from './wasm.mjs';

export const root = fileURLToPath(new URL('..', import.meta.url));

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
  'fs/promises': ['lstat', 'mkdir', 'open', 'readdir', 'rename', 'rm', 'statfs', 'unlink'],
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

// What is there is itself loaded at first use, and uses more than functions.
const LATE = '/src/proxy/tls/';

/** Turns `require('tls')` at the top of a dependency into one at first use. */
const lazyBuiltins = {
  name: 'lazy-builtins',
  setup(bundle) {
    bundle.onResolve({ filter: /.*/ }, ({ path, namespace, kind, importer }) => {
      const name = path.replace(/^node:/, '');
      if (!builtinModules.includes(name)) return undefined;
      const early = kind === 'import-statement' && !importer.includes(LATE);
      if (name in LAZY_FUNCTIONS && early) {
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

/**
 * Makes dist/ anew.
 * @param {{ dev?: boolean }} [how] `dev`: as it was written, with source maps that hold all sources
 * @returns esbuild's list of what is in the bundle
 */
export async function bundle({ dev = false } = {}) {
  const { build } = await import('esbuild').catch(() =>
    fail('esbuild is not installed', 'Run: npm ci'),
  );
  rmSync(`${root}dist`, { recursive: true, force: true });
  const { metafile } = await build({ ...options, ...(dev ? forReading : {}) });
  await build({ ...programServer, ...(dev ? forReading : {}) });
  const page = await bundlePage(build, root, dev);
  const decoder = await build({ ...pictureDecoder, ...(dev ? forReading : {}) });
  if (!dev) shrinkMap(`${root}dist/meowctl.cjs.map`);
  const inputs = { ...metafile.inputs, ...page.inputs, ...decoder.metafile.inputs };
  writeFileSync(`${root}dist/THIRD_PARTY_LICENSES`, licenseTexts({ inputs }, root));
  // The one that says that all is there comes last.
  for (const file of ['load-app', 'pass-socket', 'keep-cache', 'debug-stack']) {
    copyFileSync(`${root}scripts/runtime/${file}.cjs`, `${root}dist/${file}.cjs`);
  }
  const start = readFileSync(`${root}scripts/runtime/start.cjs`, 'utf8');
  writeFileSync(`${root}dist/start.cjs`, start.replace('BUNDLE_HASH', hash()));
  return metafile;
}

/** @satisfies {import('esbuild').BuildOptions} */
const options = {
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
  // They are in THIRD_PARTY_LICENSES.
  legalComments: 'none',
  sourcemap: 'external',
  sourcesContent: false,
  metafile: true,
  // As runtime/start.cjs runs it.
  banner: { js: '(function (exports, require, module, __filename, __dirname) {' },
  footer: { js: '})' },
  logLevel: 'warning',
  plugins: [lazyBuiltins, luaForEsbuild],
};

// What serves a program, without all that it never needs. Node loads it by itself: of so little, a
// code cache saves nothing.
/** @satisfies {import('esbuild').BuildOptions} */
const programServer = {
  ...options,
  entryPoints: { 'program-server': 'src/cli/program-server.ts' },
  banner: {},
  footer: {},
  sourcemap: false,
};

// What decodes pictures, in a thread of its own: read only when one is drawn.
/** @satisfies {import('esbuild').BuildOptions} */
const pictureDecoder = {
  ...programServer,
  entryPoints: { 'picture-decoder': 'src/terminal/decode/worker.ts' },
  plugins: [wasmForEsbuild],
};

// A debugger finds src/ by it, and stops where it was told to.
/** @satisfies {import('esbuild').BuildOptions} */
const forReading = { minify: false, sourcemap: 'linked', sourcesContent: true };

function shrinkMap(path) {
  const map = JSON.parse(readFileSync(path, 'utf8'));
  writeFileSync(path, JSON.stringify(keepSources(map, ownSource)));
}

function ownSource(source) {
  return source.startsWith('../src/') ? source.slice('../'.length) : null;
}

function hash() {
  const bytes = readFileSync(`${root}dist/meowctl.cjs`);
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16);
}

/**
 * @param {string} message
 * @param {string} remedy
 * @returns {never}
 */
function fail(message, remedy) {
  process.stderr.write(`build: ${message}\n  ${remedy}\n`);
  process.exit(1);
}
