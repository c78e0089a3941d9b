// Decoders of pictures are modules of WebAssembly. Bundle and tests import their bytes through these
// plug-ins; in the bundle they are packed, which makes a third of them.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { brotliCompressSync } from 'node:zlib';

/** @type {import('esbuild').Plugin} */
export const wasmForEsbuild = {
  name: 'wasm',
  setup(bundle) {
    bundle.onLoad({ filter: /\.wasm$/ }, ({ path }) => {
      const packed = brotliCompressSync(readFileSync(path)).toString('base64');
      return {
        contents: `import { brotliDecompressSync } from 'node:zlib';
          export default brotliDecompressSync(Buffer.from('${packed}', 'base64'));`,
        loader: 'js',
      };
    });
  },
};

// Under a name that no file has: Vitest leaves files of packages to Node, which cannot read these.
const MARK = '/as-script';
const { resolve } = createRequire(import.meta.url);
const asScript = (path) => `${MARK}${path.replace('/node_modules/', '/packages/')}.js`;
const fromScript = (name) => name.slice(MARK.length, -3).replace('/packages/', '/node_modules/');

/** @type {import('vitest/config').Plugin} */
export const wasmForVitest = {
  name: 'wasm',
  enforce: 'pre',
  resolveId: (name) => (name.endsWith('.wasm') ? asScript(resolve(name)) : undefined),
  load(name) {
    if (!name.startsWith(MARK)) return undefined;
    const bytes = readFileSync(fromScript(name)).toString('base64');
    return `export default Buffer.from('${bytes}', 'base64');`;
  },
};
