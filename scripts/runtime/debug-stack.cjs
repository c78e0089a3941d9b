// Copied to dist/ by the build, and loaded with --debug: stacks name files of src/, not the bundle.
const { readFileSync } = require('node:fs');
const { SourceMap } = require('node:module');
const { join } = require('node:path');

const bundle = join(__dirname, 'meowctl.cjs');
Error.stackTraceLimit = 30;
/** @type {SourceMap | null} */
let map = null;

Error.prepareStackTrace = (error, sites) =>
  [describe(error), ...sites.map((site) => `    at ${inSource(String(site))}`)].join('\n');

function inSource(site) {
  const at = site.lastIndexOf(`${bundle}:`);
  const [, line, column] = /^:(\d+):(\d+)/.exec(site.slice(at + bundle.length)) ?? [];
  if (at === -1 || line === undefined) return site;
  map ??= new SourceMap(JSON.parse(readFileSync(`${bundle}.map`, 'utf8')));
  const found = map.findEntry(Number(line) - 1, Number(column) - 1);
  if (!('originalSource' in found) || !found.originalSource) return site; // of a dependency
  const source = found.originalSource.replace(/^\.\.\//, ''); // of a build with --dev
  const place = `${source}:${found.originalLine + 1}:${found.originalColumn + 1}`;
  return site.endsWith(')') ? `${site.slice(0, at)}${place})` : place;
}

function describe(error) {
  try {
    return String(error);
  } catch {
    return 'an error that cannot be told';
  }
}
