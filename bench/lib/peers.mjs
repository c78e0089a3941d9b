import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const bench = fileURLToPath(new URL('..', import.meta.url));

/** Installs what meowctl is measured against, unless the lock file has not changed since. */
export function installPeers() {
  if (changed('package-lock.json') <= changed('node_modules/.package-lock.json')) return;
  process.stderr.write('bench: installing the contenders\n');
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund'];
  const { npm_execpath: own } = process.env;
  const [command, ...rest] = own ? [process.execPath, own, ...args] : ['npm', ...args];
  const { status } = spawnSync(command, rest, { cwd: bench, stdio: ['ignore', 2, 2] });
  if (status !== 0) throw new Error('npm ci failed in bench/: see the lines above');
}

function changed(name) {
  return existsSync(bench + name) ? statSync(bench + name).mtimeMs : 0;
}
