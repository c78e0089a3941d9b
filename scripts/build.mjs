// Bundles the CLI into one file, so that a verb starts in milliseconds: see docs/decisions.md.

import { spawnSync } from 'node:child_process';
import { copyFileSync, rmSync } from 'node:fs';
import { builtinModules } from 'node:module';
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

/** Turns `require('tls')` at the top of a dependency into one at first use. */
const lazyBuiltins = {
  name: 'lazy-builtins',
  setup(bundle) {
    bundle.onResolve({ filter: /.*/ }, ({ path, namespace, kind }) => {
      const name = path.replace(/^node:/, '');
      if (!builtinModules.includes(name)) return undefined;
      const lazy = LAZY.has(name) && namespace !== 'lazy' && kind === 'require-call';
      return lazy ? { path: name, namespace: 'lazy' } : { path: `node:${name}`, external: true };
    });
    bundle.onLoad({ filter: /.*/, namespace: 'lazy' }, ({ path }) => ({
      contents: `let it; const load = () => (it ??= require('node:${path}'));
        module.exports = new Proxy(function () {}, { get: (_, key) => load()[key], has: (_, key) => key in load() });`,
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
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  logLevel: 'warning',
  plugins: [lazyBuiltins],
});

copyFileSync(`${root}scripts/start.cjs`, `${root}dist/start.cjs`);
writeCodeCache();

/** Runs a verb once and keeps what V8 compiled: see scripts/start.cjs. */
function writeCodeCache() {
  const cache = `${root}dist/meowctl.cjs.${process.version}-${process.arch}.cache`;
  spawnSync(process.execPath, [`${root}dist/start.cjs`, 'listservers', '--json'], {
    env: { ...process.env, MEOW_WRITE_CODE_CACHE: cache },
    stdio: 'ignore',
  });
}
