import { fileURLToPath } from 'node:url';
import { runsWith } from './proc.mjs';
import { run } from './programs.mjs';

const own = fileURLToPath(new URL('../../bin/meowctl.js', import.meta.url));

/**
 * meowctl's command line in a namespace of its own. Its servers end with the world.
 * @param {import('./world.mjs').World} world
 * @param {string} namespace
 * @param {string} [bin] of another checkout
 */
export function createMeowctl(world, namespace, bin = own) {
  const env = { ...world.env, MEOW_NAMESPACE: namespace };
  const meowctl = {
    bin,
    env,
    namespace,
    /** @param {readonly string[]} args */
    run: (...args) => run(world.node, [bin, ...args], { env }),
    /** What the command prints with `--json`. */
    ask: async (...args) => JSON.parse((await meowctl.run(...args, '--json')).stdout),
    /** The servers' records as they stand in Redis. */
    records: async () =>
      Object.values(await world.redis.hgetall(`{${namespace}}:servers`)).map((text) =>
        JSON.parse(text),
      ),
  };
  world.atEnd(() => endServers(world, meowctl));
  return meowctl;
}

// Asked first; what does not obey is ours by its id and is killed.
async function endServers(world, meowctl) {
  const records = await meowctl.records();
  if (records.length === 0) return;
  const { env, bin } = meowctl;
  await run(world.node, [bin, 'destroy', '--all', '--timeout', '3'], { env, fails: true });
  for (const { id, pid } of records) {
    if (runsWith(pid, ['serve', id])) process.kill(pid, 'SIGKILL');
  }
}
