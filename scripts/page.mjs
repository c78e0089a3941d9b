// Bundles the page that a door serves: one file of each type, small enough to be served from memory.

import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';

/** What is there of CSS and JavaScript in browsers of the last two years. */
const BROWSERS = ['chrome115', 'firefox115', 'safari16.4'];

/**
 * Writes dist/page/.
 * @param {typeof import('esbuild')['build']} build
 * @param {string} root of the repository, with a slash behind it
 * @param {boolean} dev not minified, with a source map in it
 * @returns esbuild's list of what is in the bundle
 */
export async function bundlePage(build, root, dev) {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [
      { in: 'src/page/main.ts', out: 'page' },
      { in: 'src/page/page.css', out: 'page' },
    ],
    outdir: 'dist/page',
    bundle: true,
    platform: 'browser',
    format: 'esm',
    target: BROWSERS,
    minify: !dev,
    sourcemap: dev ? 'inline' : false,
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
  });
  const html = readFileSync(`${root}src/page/index.html`, 'utf8');
  writeFileSync(`${root}dist/page/index.html`, html.replace(/^\s+/gm, ''));
  copyFileSync(`${root}src/page/icon.svg`, `${root}dist/page/icon.svg`);
  return metafile;
}
