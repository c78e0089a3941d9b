import { fileURLToPath } from 'node:url';
import { startTelling } from './programs.mjs';
import { serverId, writeServers } from './registry.mjs';

const program = fileURLToPath(new URL('../programs/backend.mjs', import.meta.url));

/**
 * `count` backends in two processes, and their records in `namespace`.
 * @param {import('./world.mjs').World} world
 * @returns {Promise<string[]>} their urls
 */
export async function startBackends(world, namespace, count) {
  const ids = Array.from({ length: count }, (_, n) => serverId(n));
  const halves = [ids.filter((_, n) => n % 2 === 0), ids.filter((_, n) => n % 2 === 1)];
  const servers = [];
  for (const half of halves) {
    const backend = await startTelling(process.execPath, [program, ...half], { env: world.env });
    world.atEnd(backend.stop);
    for (const [id, port] of Object.entries(backend.said))
      servers.push({ id, port, pid: backend.pid });
  }
  await writeServers(world.redis, namespace, servers);
  return servers.map(({ port }) => `http://127.0.0.1:${port}`);
}
