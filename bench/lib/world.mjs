import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort, onPath, run, startListening } from './programs.mjs';

/**
 * @typedef {object} World what a part may use; everything in it goes away with `end()`
 * @property {string} node the Node that runs every contender
 * @property {string} folder a temporary folder
 * @property {Redis} redis a connection to a redis-server of this run
 * @property {string} redisUrl
 * @property {NodeJS.ProcessEnv} env
 * @property {boolean} quick
 * @property {string | null} against another checkout, built
 * @property {(text: string) => void} say progress, to stderr
 * @property {(undo: () => unknown) => void} atEnd runs last first, also after a failure or Ctrl-C
 * @property {<T>(work: (world: World) => Promise<T>) => Promise<T>} within undoes afterwards what `work` began
 * @property {() => Promise<void>} end
 */

/**
 * A redis-server on a free port, a folder, and an environment that leads nowhere else.
 * @param {{ nodeVersion: string | null, quick: boolean, against?: string | null }} options
 * @returns {Promise<World>}
 */
export async function createWorld({ nodeVersion, quick, against = null }) {
  const undos = [];
  const endFrom = async (first) => {
    for (const undo of undos.splice(first).reverse()) await tried(undo);
  };
  const end = () => endFrom(0);
  try {
    const folder = mkdtempSync(join(tmpdir(), 'meow-bench-'));
    undos.push(() => rmSync(folder, { recursive: true, force: true }));
    const node = nodeVersion === null ? process.execPath : await otherNode(nodeVersion);
    const redisUrl = await startRedis(folder, undos);
    const redis = new Redis(redisUrl);
    undos.push(() => redis.disconnect());
    const atEnd = (undo) => undos.push(undo);
    const world = {
      node,
      folder,
      redis,
      redisUrl,
      env: cleanEnv(folder, redisUrl),
      quick,
      against,
      say,
      atEnd,
      async within(work) {
        const first = undos.length;
        const made = await work(world);
        await endFrom(first);
        return made;
      },
      end,
    };
    return world;
  } catch (error) {
    await end();
    throw error;
  }
}

// The rest still has to be undone when one undo fails.
async function tried(undo) {
  try {
    await undo();
  } catch (error) {
    say(`while cleaning up: ${error.message}`);
  }
}

async function otherNode(version) {
  say(`fetching Node ${version}`);
  const args = ['-y', `node@${version}`, '-p', 'process.execPath'];
  const { stdout } = await run('npx', args);
  return stdout.trim().split('\n').at(-1) ?? '';
}

async function startRedis(folder, undos) {
  const program = await onPath('redis-server', 'valkey-server');
  if (program === null) throw new Error('redis-server is not installed. Run: npm start, once');
  const port = await freePort();
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder];
  const server = await startListening(program, [...args, '--save', '', '--appendonly', 'no'], port);
  undos.push(server.stop);
  return `redis://127.0.0.1:${port}`;
}

function cleanEnv(folder, redisUrl) {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(npm_|NODE_OPTIONS$|MEOW_)/.test(name),
  );
  return {
    ...Object.fromEntries(kept),
    REDIS_URL: redisUrl,
    MEOW_HOME: join(folder, 'home'),
    PM2_HOME: join(folder, 'pm2'),
    NO_COLOR: '1',
  };
}

function say(text) {
  process.stderr.write(`bench: ${text}\n`);
}
