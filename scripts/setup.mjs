// Installs what a fresh clone lacks: packages, redis-server, the build. Quick when all is there.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { basename, delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
/** Programs that lint and tests drive, and the Debian packages that have them. */
const FOR_TESTS = [
  ['zsh', 'zsh'],
  ['fish', 'fish'],
  ['faketime', 'faketime'],
  ['tmux', 'tmux'],
  ['ip', 'iproute2'],
  ['nft', 'nftables'],
  ['python3', 'python3'],
  ['luacheck', 'lua-check'],
  ['openssl', 'openssl'],
  ['curl', 'curl'],
  ['h2load', 'nghttp2-client'],
];
const PATIENTLY = ['-o', 'DPkg::Lock::Timeout=300', '-y', '-q', '--no-install-recommends'];
const HEADLESS = '/usr/lib/chromium/chromium-headless-shell';

checkNode();
installPackages();
installRedis();
if (process.argv.includes('--for-tests')) {
  installForTests();
  installBrowser();
  unpack('nginx', 'usr/sbin/nginx');
  unpack('prometheus', 'usr/bin/promtool');
  unpackHaproxy();
}
build();

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  fail(`Node ${process.versions.node} is too old`, 'Install Node 20.19 or newer');
}

function installPackages() {
  if (changed('package-lock.json') <= changed('node_modules/.package-lock.json')) return;
  say('installing packages');
  // The tests and the build need the development packages, whatever NODE_ENV says.
  const quietly = ['--ignore-scripts', '--include=dev', '--no-audit', '--no-fund'];
  run(process.execPath, [npm(), 'ci', ...quietly]);
}

function installRedis() {
  if (onPath('redis-server') || onPath('valkey-server')) return;
  const [update, install] = [
    asRoot('apt-get', 'update', '-q'),
    asRoot('apt-get', 'install', '-y', '-q', '--no-install-recommends', 'redis-server'),
  ];
  if (onPath('apt-get') && update && install) {
    say('installing redis-server with apt-get');
    run(...update);
    run(...install);
    return;
  }
  if (onPath('brew')) {
    say('installing redis with brew');
    run('brew', ['install', 'redis']);
    return;
  }
  fail(
    'redis-server is not installed, and this script may not install it',
    'Run: sudo apt-get install redis-server   (or: brew install redis, dnf install valkey)',
  );
}

/** Where that may not be done, the tests that need them are skipped, by name; in CI they fail. */
function installForTests() {
  const lacking = FOR_TESTS.filter(([program]) => !onPath(program)).map(([, name]) => name);
  const install = asRoot('apt-get', 'install', ...PATIENTLY, ...lacking);
  const update = asRoot('apt-get', 'update', '-q');
  if (lacking.length === 0 || !onPath('apt-get') || !install || !update) return;
  say(`installing ${lacking.join(', ')} with apt-get, for tests`);
  if (quietly(...install, root)) return;
  quietly(...update, root);
  quietly(...install, root);
}

/** The one without a window needs far less of a machine, but not every release has it. */
function installBrowser() {
  const update = asRoot('apt-get', 'update', '-q');
  const has = (name) => {
    const install = asRoot('apt-get', 'install', ...PATIENTLY, name);
    return install !== null && quietly(...install, root);
  };
  if (existsSync(HEADLESS) || !onPath('apt-get') || !update) return;
  say('installing a browser with apt-get, for tests');
  if (has('chromium-headless-shell') || onPath('chromium')) return;
  quietly(...update, root);
  if (!has('chromium-headless-shell')) has('chromium');
}

/**
 * Unpacked, never installed nor started as a service: tests ask nginx what it says of
 * docs/operations.md, and promtool, for which Debian has no package of its own, of our metrics.
 */
function unpack(name, program) {
  const folder = join(root, 'node_modules/.cache', name);
  if (onPath(basename(program)) || existsSync(join(folder, program)) || !onPath('apt-get')) return;
  mkdirSync(folder, { recursive: true });
  const download = () => quietly('apt-get', ['download', '-q', name], folder);
  // A machine that is new has no lists yet.
  const update = asRoot('apt-get', 'update', '-q');
  if (!download() && update) {
    quietly(...update, folder);
    download();
  }
  const [file] = readdirSync(folder).filter((found) => found.endsWith('.deb'));
  if (file) quietly('dpkg', ['-x', file, folder], folder);
}

/** With the libraries that few machines have otherwise, and a script that says where they are. */
function unpackHaproxy() {
  const folder = join(root, 'node_modules/.cache/haproxy');
  const start = join(folder, 'bin/haproxy');
  const isHere = ['/usr/sbin/haproxy', '/usr/local/sbin/haproxy', start].some((path) =>
    existsSync(path),
  );
  if (isHere || onPath('haproxy') || !onPath('apt-get')) return;
  unpack('haproxy', 'usr/sbin/haproxy');
  const libraries = [
    ...['liblua5.3-0', 'liblua5.4-0', 'libopentracing-c-wrapper0', 'libopentracing1'],
    ...['libpcre2-8-0', 'libpcre2-posix3', 'libsystemd0', 'libssl3', 'libcap2', 'libgcrypt20'],
  ];
  // A release has some of them under other names, or needs them not at all.
  for (const name of libraries) quietly('apt-get', ['download', '-q', name], folder);
  const packages = existsSync(folder) ? readdirSync(folder) : [];
  for (const file of packages.filter((found) => found.endsWith('.deb')))
    quietly('dpkg', ['-x', file, folder], folder);
  if (!existsSync(join(folder, 'usr/sbin/haproxy'))) return;
  mkdirSync(join(folder, 'bin'), { recursive: true });
  const script = [
    '#!/bin/sh',
    `here='${folder}'`,
    'for dir in "$here"/usr/lib/*-linux-gnu* "$here"/lib/*-linux-gnu*; do LD_LIBRARY_PATH="$LD_LIBRARY_PATH:$dir"; done',
    'export LD_LIBRARY_PATH',
    'exec "$here/usr/sbin/haproxy" "$@"',
  ];
  writeFileSync(start, `${script.join('\n')}\n`, { mode: 0o755 });
}

function quietly(command, args, cwd) {
  return spawnSync(command, args, { cwd, stdio: 'ignore' }).status === 0;
}

function build() {
  const sources = ['src', 'scripts'].flatMap(files).map(changed);
  if (Math.max(...sources, changed('package-lock.json')) <= changed('dist/start.cjs')) return;
  say('building');
  run(process.execPath, [join(root, 'scripts/build.mjs')]);
}

/**
 * A command line with root's rights, or null where we have none without a password.
 * @returns {[string, string[]] | null}
 */
function asRoot(command, ...args) {
  if (process.getuid?.() === 0) return [command, args];
  const free = onPath('sudo') && spawnSync('sudo', ['-n', 'true']).status === 0;
  return free ? ['sudo', ['-n', command, ...args]] : null;
}

function files(folder) {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

function changed(path) {
  const full = path.startsWith('/') ? path : join(root, path);
  return existsSync(full) ? statSync(full).mtimeMs : 0;
}

function npm() {
  const own = process.env.npm_execpath;
  if (own) return own;
  fail('this script was not started by npm', 'Run: npm start, or npm test');
}

function onPath(program) {
  return (process.env.PATH ?? '').split(delimiter).some((dir) => existsSync(join(dir, program)));
}

function run(command, args) {
  // What the child says goes to stderr: stdout belongs to the command that comes after.
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (status === 0) return;
  fail(`${command} ${args.join(' ')} failed`, error ? error.message : 'See the lines above');
}

function say(text) {
  process.stderr.write(`setup: ${text}\n`);
}

function fail(message, remedy) {
  process.stderr.write(`setup: ${message}\n  ${remedy}\n`);
  process.exit(1);
}
