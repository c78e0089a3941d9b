import { spawn } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openFiles, rssBytes, runsWith } from '../lib/proc.mjs';
import { freePort, run, takesConnections } from '../lib/programs.mjs';
import { until } from '../lib/until.mjs';

const bin = fileURLToPath(new URL('../../bin/meowctl.js', import.meta.url));
const streams = fileURLToPath(new URL('./streams.mjs', import.meta.url));

/** The fleet of cats, and one whose app speaks WebSocket and gives large answers. */
export const CATS = 'cats';
export const STREAMS = 'streams';

/**
 * A Redis that survives kill -9, two fleets, each with a door and a keeper, in a folder of their own.
 */
export async function openSite() {
  const folder = mkdtempSync(join(tmpdir(), 'meow-soak-'));
  const home = join(folder, 'home');
  mkdirSync(home, { mode: 0o700 });
  const redis = createRedis(folder, await freePort());
  const children = [];
  const close = async () => {
    for (const child of children) child.kill('SIGKILL');
    // Those of the last disturbance were never listed.
    for (const fleet of [CATS, STREAMS]) await servers(fleet);
    for (const { pid, id } of known.values())
      if (runsWith(pid, ['serve', id])) kill(pid, 'SIGKILL');
    await redis.kill();
    rmSync(folder, { recursive: true, force: true });
  };
  /** Every server that was ever listed, by id. */
  const known = new Map();
  const env = (fleet) => ({
    ...Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !/^(MEOW_|npm_)/.test(name)),
    ),
    REDIS_URL: redis.url,
    MEOW_HOME: home,
    MEOW_NAMESPACE: fleet,
    MEOW_REDIS_PROBE: 'redis://127.0.0.1:1',
  });
  const meowctl = (fleet, ...args) =>
    run(process.execPath, [bin, ...args], { env: env(fleet), fails: true });

  /** What stands in the registry now; null while it cannot be asked. */
  const servers = async (fleet) => {
    const { code, stdout } = await meowctl(fleet, 'listservers', '--json');
    const rows = code === 0 ? JSON.parse(stdout) : null;
    for (const row of rows ?? []) known.set(row.id, row);
    return rows;
  };

  const start = (fleet, log, ...args) => {
    const child = spawn(process.execPath, [bin, ...args], {
      env: env(fleet),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (text) => appendFileSync(join(folder, log), text));
    }
    children.push(child);
    return child;
  };

  const openDoor = async (fleet, count, ...flags) => {
    await meowctl(fleet, 'spawn', String(count), ...flags);
    const port = await freePort();
    const log = `${fleet}.log`;
    const door = start(fleet, log, 'proxy', '--port', `${port}`, '--no-admin', '--access-log');
    start(fleet, `${fleet}-keeper.log`, 'keep');
    await until(`the door of ${fleet}`, () => takesConnections(port));
    return { port, pid: door.pid, log: () => readFileSync(join(folder, log), 'utf8') };
  };

  try {
    await redis.start();
    const doors = {
      [CATS]: await openDoor(CATS, 4),
      [STREAMS]: await openDoor(STREAMS, 2, '--app', streams),
    };
    return {
      redis,
      doors,
      meowctl,
      close,
      port: (fleet) => doors[fleet].port,
      servers,
      doorFigures: () => figures(doors[CATS]),
      /** Connections that are kept for a while are closed by then. */
      async doorFiguresAtRest({ files }) {
        const isFree = () => openFiles(doors[CATS].pid) <= files + 5;
        await until('the door at rest', isFree, 30_000, 500).catch(() => {});
        return figures(doors[CATS]);
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function figures({ pid, log }) {
  const stacks = log().match(/^ {4}at /gm)?.length ?? 0;
  return { pid, rss: rssBytes(pid), files: openFiles(pid), stacks };
}

/** Kills a process group, or the process alone. */
export function kill(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

// Every write is on the disk before it is answered, so that a kill loses nothing.
function createRedis(folder, port) {
  const args = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', ''];
  /** @type {import('node:child_process').ChildProcess | null} */
  let child = null;
  return {
    url: `redis://127.0.0.1:${port}`,
    async start() {
      const durable = ['--appendonly', 'yes', '--appendfsync', 'always'];
      child = spawn('redis-server', [...args, ...durable], { stdio: 'ignore' });
      await until('Redis', () => takesConnections(port));
    },
    async kill() {
      if (!child || child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise((resolve) => child?.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
    },
  };
}
