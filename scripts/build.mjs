// Builds dist/, with a code cache for the Node that it is built with. --dev: nothing minified, for a
// debugger and for stacks; any other build puts the usual one back.

import { spawn, spawnSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { bundle, root } from './bundle.mjs';

await bundle({ dev: process.argv.includes('--dev') });
// Whatever the umask: no cache is used in a folder that others may write.
chmodSync(`${root}dist`, 0o755);
await writeCodeCache();

/** Runs a verb once, which keeps what V8 compiled. It needs a Redis for that. */
async function writeCodeCache() {
  const port = await freePort();
  const settings = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', tmpdir()];
  const redis = spawn('redis-server', settings, { stdio: 'ignore' });
  const started = await new Promise((resolve, reject) => {
    redis.once('error', () => resolve(false));
    waitFor(port, 50).then(resolve, reject);
  });
  const url = `redis://127.0.0.1:${started ? port : 1}`;
  spawnSync(process.execPath, [`${root}dist/start.cjs`, 'listservers', '--json'], {
    env: { ...process.env, REDIS_URL: url, NODE_OPTIONS: '' },
    stdio: 'ignore',
  });
  redis.kill();
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' ? address?.port : null;
      server.close(() => resolve(port));
    });
  });
}

async function waitFor(port, tries) {
  for (let left = tries; left > 0; left--) {
    const open = await new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true));
      socket.once('error', () => resolve(false)).once('connect', () => socket.destroy());
    });
    if (open) return true;
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
  return false;
}
