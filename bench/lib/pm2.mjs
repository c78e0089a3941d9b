import { createRequire } from 'node:module';
import { run } from './programs.mjs';

const bin = createRequire(import.meta.url).resolve('pm2/bin/pm2');

/**
 * pm2 with a daemon and a folder of its own; both end with the world.
 * @param {import('./world.mjs').World} world
 * @param {NodeJS.ProcessEnv} env
 */
export function createPm2(world, env) {
  const pm2 = (...args) => run(world.node, [bin, ...args], { env });
  world.atEnd(() => pm2('kill'));
  return pm2;
}
