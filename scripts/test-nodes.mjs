// npm run test:nodes [-- 22 24]: what must hold on every Node we support. For each: `npm ci` in a clean
// clone with npm 10 and 11, the tarball installed with -g and run by npx, and the tests of the CLI, the
// door and a server's life. Nodes and npms come from npm, into node_modules/.cache. About five minutes
// a Node on two cores.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NODES = ['20.19', '22', '24', 'latest'];
const NPMS = ['10', '11'];
const TESTS = [
  'test/cli',
  'test/e2e',
  'test/fleet',
  'test/hosting',
  'test/process',
  'test/proxy',
  'test/server',
];

const root = fileURLToPath(new URL('..', import.meta.url));
const cache = join(root, 'node_modules', '.cache', 'nodes');
const scratch = mkdtempSync(join(tmpdir(), 'meow-test-nodes-'));
const [asked, tests] = [process.argv.slice(2).filter(isNode), process.argv.slice(2).filter(isTest)];
const rows = [];

try {
  const tarball = pack();
  for (const name of asked.length > 0 ? asked : NODES) tryNode(name, tarball);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
for (const { node, what, ok } of rows)
  say(`${ok ? 'ok    ' : 'FAILED'} ${node.padEnd(10)} ${what}`);
if (rows.length === 0 || rows.some(({ ok }) => !ok)) process.exitCode = 1;

function isNode(word) {
  return !isTest(word);
}

function isTest(word) {
  return word.startsWith('test/');
}

function pack() {
  const { stdout } = must('npm', ['pack', '--silent', '--pack-destination', scratch], {
    stdio: ['ignore', 'pipe', 2],
  });
  return join(scratch, String(stdout).trim().split('\n').at(-1) ?? '');
}

function tryNode(name, tarball) {
  const bin = join(fetched('node', name), 'bin');
  const env = { ...clean(process.env), PATH: `${bin}${delimiter}${process.env.PATH}` };
  const node = String(spawnSync(join(bin, 'node'), ['--version']).stdout).trim();
  const note = (what, ok) => {
    rows.push({ node, what, ok });
    say(`${node}: ${what}: ${ok ? 'ok' : 'FAILED'}`);
  };
  for (const version of NPMS) {
    /** @type {[string, string]} */
    const npm = [join(bin, 'node'), join(fetched('npm', version), 'bin', 'npm-cli.js')];
    note(`npm ${version}: npm ci in a clean clone`, cleanInstall(npm, env));
    note(`npm ${version}: npm install -g of the tarball, and npx`, installed(npm, tarball, env));
  }
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const chosen = tests.length > 0 ? tests : TESTS;
  note(`tests: ${chosen.join(' ')}`, run(join(bin, 'node'), [vitest, 'run', ...chosen], { env }));
}

function cleanInstall([node, npm], env) {
  const folder = freshFolder('clone');
  rmSync(folder, { recursive: true });
  return (
    run('git', ['clone', '--quiet', root, folder], {}) &&
    run(node, [npm, 'ci', '--no-audit', '--no-fund'], { cwd: folder, env }) &&
    says(node, [join(folder, 'bin', 'meowctl.js'), '--version'], { env })
  );
}

function installed([node, npm], tarball, env) {
  const prefix = freshFolder('prefix');
  const empty = freshFolder('empty');
  const quietly = ['--no-audit', '--no-fund', '--cache', freshFolder('npm-cache')];
  const exec = ['exec', '--yes', ...quietly, `--package=${tarball}`, '--', 'meowctl', '--version'];
  return (
    run(node, [npm, 'install', '--global', '--prefix', prefix, ...quietly, tarball], { env }) &&
    says(join(prefix, 'bin', 'meowctl'), ['--version'], { cwd: empty, env }) &&
    says(node, [npm, ...exec], { cwd: empty, env })
  );
}

/** Where npm's package of that name and version is, fetched if it is not there yet. */
function fetched(name, version) {
  const folder = join(cache, `${name}-${version}`);
  const found = join(folder, 'node_modules', name);
  if (existsSync(found)) return found;
  mkdirSync(folder, { recursive: true });
  // `node` fetches the binary of this machine in its install script, which newer npms ask about.
  const manifest = { private: true, allowScripts: { [name]: true } };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  must('npm', ['install', '--no-audit', '--no-fund', `${name}@${version}`], { cwd: folder });
  return found;
}

function freshFolder(name) {
  const folder = join(scratch, name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  return folder;
}

function says(command, args, options) {
  const { status, stdout } = spawnSync(command, args, options);
  return status === 0 && /^\d+\.\d+\.\d+/.test(String(stdout));
}

function run(command, args, options) {
  return spawnSync(command, args, { stdio: ['ignore', 2, 2], cwd: root, ...options }).status === 0;
}

function must(command, args, options) {
  const all = { cwd: root, stdio: ['ignore', 2, 2], env: clean(process.env), ...options };
  const done = spawnSync(command, args, all);
  if (done.status === 0) return done;
  throw new Error(`${command} ${args.join(' ')} failed`);
}

// npm tells its children which folder and which npm they belong to: another would believe it.
function clean(env) {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^npm_/i.test(name)));
}

function say(line) {
  process.stderr.write(`${line}\n`);
}
