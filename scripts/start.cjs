// Copied to dist/ by the build. Runs the bundle through V8's code cache, which saves a third of the
// start-up; the cache is made for one V8 and simply not used by another.
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { Script, constants } = require('node:vm');

// The bundle is ASCII: latin1 reads it fastest.
const filename = join(__dirname, 'meowctl.cjs');
const script = new Script(readFileSync(filename, 'latin1'), {
  filename,
  cachedData: readCache(`${filename}.${process.version}-${process.arch}.cache`),
  importModuleDynamically: constants?.USE_MAIN_CONTEXT_DEFAULT_LOADER,
});
if (process.env.MEOW_WRITE_CODE_CACHE) {
  const { writeFileSync } = require('node:fs');
  const target = process.env.MEOW_WRITE_CODE_CACHE;
  process.on('exit', () => writeFileSync(target, script.createCachedData()));
}
const bundle = { exports: {} };
script.runInThisContext()(bundle.exports, require, bundle, filename, __dirname);

function readCache(path) {
  try {
    return readFileSync(path);
  } catch {
    return undefined; // another Node than the one that built it
  }
}
