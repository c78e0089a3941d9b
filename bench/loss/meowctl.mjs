import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { createMeowctl } from '../lib/meowctl.mjs';
import { freePort, onPath, startListening, startProgram } from '../lib/programs.mjs';
import { SERVERS } from './backends.mjs';

const app = fileURLToPath(new URL('../programs/noting-app.mjs', import.meta.url));
const REDIS_AWAY_MS = 1_000;

/**
 * meowctl in its parts, with a Redis of its own: the door, three servers, and `keep`.
 * @type {import('./contenders.mjs').Start}
 */
export async function startMeowctl(world, notes) {
  const { redis, env, restartRedis } = await startRedis(world);
  const fleet = createMeowctl({ ...world, redis, env }, 'bench-loss');
  await fleet.run('spawn', `${SERVERS}`, '--app', app, '--env', `NOTES=${notes}`, '-q');
  const keeper = startProgram(world.node, [fleet.bin, 'keep'], { env: fleet.env });
  world.atEnd(keeper.stop);
  const port = await freePort();
  const args = [fleet.bin, 'proxy', '--port', `${port}`, '--no-admin'];
  const door = await startListening(world.node, args, port, { env: fleet.env });
  world.atEnd(door.stop);
  return {
    url: `http://127.0.0.1:${port}/`,
    roll: () => fleet.run('restart', '-q'),
    retire: () => fleet.run('destroy', '-q'),
    grow: () => fleet.run('scale', `${SERVERS}`, '-q'),
    async reload() {
      await redis.flushall();
      await pause(REDIS_AWAY_MS);
      await restartRedis();
    },
  };
}

async function startRedis(world) {
  const folder = join(world.folder, 'loss-redis');
  mkdirSync(folder);
  const program = (await onPath('redis-server', 'valkey-server')) ?? 'redis-server';
  const port = await freePort();
  const args = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', ''];
  let server = await startListening(program, args, port);
  world.atEnd(() => server.stop());
  const url = `redis://127.0.0.1:${port}`;
  const redis = new Redis(url);
  redis.on('error', () => {}); // it is restarted below
  world.atEnd(() => redis.disconnect());
  return {
    redis,
    env: { ...world.env, REDIS_URL: url },
    async restartRedis() {
      await server.stop();
      await pause(REDIS_AWAY_MS);
      server = await startListening(program, args, port);
    },
  };
}
