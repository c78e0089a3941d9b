// Redis' scripts are Lua files. Bundle and tests import them as text through these plug-ins, so that
// both send Redis the same. So are those of shells, as they are.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const shared = fileURLToPath(new URL('../src/store/scripts/include/', import.meta.url));

const OF_SHELL = /\.(bash|zsh|fish)$/;

/**
 * The text of a script as Redis gets it: with what it includes, and without comments, for it is sent
 * whole each time.
 * @param {string} path of the file
 */
export function luaText(path) {
  const text = readFileSync(path, 'utf8');
  const whole = text.replace(/^-- @include (.+)\n/gm, (_, names) =>
    names
      .split(', ')
      .map((name) => readFileSync(`${shared}${name}.lua`, 'utf8'))
      .join(''),
  );
  return whole.replace(/^\s*--.*\n/gm, '');
}

/** @type {import('esbuild').Plugin} */
export const luaForEsbuild = {
  name: 'lua',
  setup(bundle) {
    bundle.onLoad({ filter: /\.lua$/ }, ({ path }) => ({
      contents: luaText(path),
      loader: 'text',
    }));
    bundle.onLoad({ filter: OF_SHELL }, ({ path }) => ({
      contents: readFileSync(path, 'utf8'),
      loader: 'text',
    }));
  },
};

/** @type {import('vitest/config').Plugin} */
export const luaForVitest = {
  name: 'lua',
  load(path) {
    if (path.endsWith('.lua')) return asModule(luaText(path));
    return OF_SHELL.test(path) ? asModule(readFileSync(path, 'utf8')) : undefined;
  },
};

function asModule(text) {
  return `export default ${JSON.stringify(text)};`;
}
