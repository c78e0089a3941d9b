// Copied to dist/ by the build. Runs the bundle through V8's code cache, which saves a third of the
// start-up. The first run of each Node makes it: see keep-cache.cjs. What serves a program is less.
const {
  closeSync,
  constants: fs,
  fstatSync,
  openSync,
  readFileSync,
  statSync,
} = require('node:fs');
const { join, resolve } = require('node:path');
const { Script, constants } = require('node:vm');

const { argv, env, execArgv } = process;
if (argv.includes('--debug')) require('./debug-stack.cjs');

const filename = join(__dirname, 'meowctl.cjs');
const name = `meowctl-BUNDLE_HASH-${process.version}-${process.arch}.cache`;
const folders = [__dirname, stateCache()].filter((folder) => typeof folder === 'string');
/** It was made by a run that needed little, such as --version: its mode says so. */
let isThin = false;

if (!servesProgram()) runBundle();

/** One stands beside each program of a fleet: it gets no more than it needs, a sixth of the bundle. */
function servesProgram() {
  if (argv[2] !== 'serve') return false;
  const [flags, program] = splitAt(argv.indexOf('--'));
  if (!(flags.includes('--spawned') ? isProgram(env.MEOW_APP) : program)) return false;
  const { startProgramServer } = require('./program-server.cjs');
  return startProgramServer(process, join(__dirname, '..'));
}

/** @returns {[string[], string[] | null]} */
function splitAt(at) {
  return at === -1 ? [argv, null] : [argv.slice(0, at), argv.slice(at + 1)];
}

function isProgram(spec = '') {
  try {
    return JSON.parse(spec).kind === 'program';
  } catch {
    return false; // none, or one that is not valid: the bundle says so
  }
}

function runBundle() {
  const cachedData = readCache();
  // The bundle is ASCII: latin1 reads it fastest.
  const script = new Script(readFileSync(filename, 'latin1'), {
    filename,
    cachedData,
    importModuleDynamically: constants?.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  if (!cachedData || script.cachedDataRejected || isThin) {
    process.once('exit', (code) => keepCache(code, script));
  }
  const bundle = { exports: {} };
  script.runInThisContext()(bundle.exports, require, bundle, filename, __dirname);
}

/** As src/settings.ts finds the state folder, which is not loaded yet. */
function stateCache() {
  const state = env.XDG_STATE_HOME || (env.HOME && join(env.HOME, '.local/state'));
  const home = env.MEOW_HOME || (state && join(state, 'meowctl'));
  try {
    return home && resolve(home, 'cache');
  } catch {
    return null; // relative, and the current folder is gone
  }
}

function readCache() {
  for (const folder of folders) {
    const found = isOurs(statSync(folder, { throwIfNoEntry: false })) && read(join(folder, name));
    if (found) return found;
  }
  return undefined;
}

/**
 * The data stands in its file twice: V8 checks little more than lengths, and a flipped bit ends Node.
 * To compare costs 0.1 ms, a hash 2 ms and more.
 */
function read(path) {
  let file = -1;
  try {
    file = openSync(path, fs.O_RDONLY | fs.O_NOFOLLOW | fs.O_NONBLOCK);
    const found = fstatSync(file);
    if (!found.isFile() || !isOurs(found) || found.size % 2) return null;
    const all = readFileSync(file);
    isThin = (found.mode & fs.S_IWUSR) === 0;
    const half = all.subarray(0, all.length / 2);
    return half.equals(all.subarray(half.length)) ? half : null;
  } catch {
    return null; // not there, or not to be read: then it is done without
  } finally {
    if (file !== -1) closeSync(file);
  }
}

/** What others could write would be others' code. */
function isOurs(found) {
  return found !== undefined && found.uid === process.geteuid?.() && (found.mode & 0o022) === 0;
}

/** Of short runs that ended well. One that runs long would keep much that no other needs. */
function keepCache(code, script) {
  const verb = argv[2] ?? '';
  const isFull = /^(listservers|ls|spawn|destroy|scale|restart)$/.test(verb);
  const isLong = /^(up|serve|proxy|keep|logs|__door-worker)$/.test(verb);
  // Another setting of V8 needs another cache: it would take the place of the usual one.
  const isUsual = execArgv.length === 0 && !env.NODE_OPTIONS;
  if (code !== 0 || isLong || !isUsual || (isThin && !isFull)) return;
  require('./keep-cache.cjs')({ script, folders, name, mode: isFull ? 0o600 : 0o400, isOurs });
}
