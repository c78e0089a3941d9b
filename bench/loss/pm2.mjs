import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createPm2 } from '../lib/pm2.mjs';
import { freePort } from '../lib/programs.mjs';
import { SERVERS } from './backends.mjs';

const script = fileURLToPath(new URL('../programs/noting-listening.mjs', import.meta.url));
const NAME = 'loss';

/**
 * pm2 in cluster mode, as its documentation has it for a reload without downtime: `wait_ready`, and
 * an app that leaves in order at SIGINT.
 * @type {import('./contenders.mjs').Start}
 */
export async function startPm2(world, notes) {
  const port = await freePort();
  const pm2 = createPm2(world, { ...world.env, PORT: `${port}`, NOTES: notes });
  const file = join(world.folder, 'loss.config.cjs');
  writeFileSync(file, `module.exports = ${JSON.stringify({ apps: [app(port, notes)] })};\n`);
  await pm2('start', file);
  return {
    url: `http://127.0.0.1:${port}/`,
    roll: () => pm2('reload', NAME),
    retire: () => pm2('scale', NAME, `${SERVERS - 1}`),
    grow: () => pm2('scale', NAME, `${SERVERS}`),
    // It has no registry; its config is its ecosystem file.
    reload: () => pm2('reload', file, '--update-env'),
  };
}

function app(port, notes) {
  return {
    name: NAME,
    script,
    instances: SERVERS,
    exec_mode: 'cluster',
    wait_ready: true,
    listen_timeout: 10_000,
    kill_timeout: 5_000,
    env: { PORT: `${port}`, NOTES: notes },
  };
}
