import { existsSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort, startListening } from '../lib/programs.mjs';

const program = fileURLToPath(new URL('../programs/noting-listening.mjs', import.meta.url));
/** Each contender runs so many. */
export const SERVERS = 3;
/** RestartSec= of systemd, by default. */
const RESTART_MS = 100;
const LOOK_MS = 20;

/**
 * @typedef {object} Backend a plain program, for proxies that keep no processes
 * @property {number} port
 * @property {number} pid
 * @property {boolean} leaving it was told to end
 * @property {() => Promise<void>} stop
 */

/**
 * One that dies is started again on its port, as systemd would.
 * @param {import('../lib/world.mjs').World} world
 * @param {string} notes folder
 */
export function createBackends(world, notes) {
  /** @type {Set<Backend>} */
  const kept = new Set();
  let over = false;
  const keeping = keep();
  world.atEnd(async () => {
    over = true;
    await keeping;
    await Promise.all([...kept].map((backend) => backend.stop()));
  });

  async function keep() {
    while (!over) {
      await pause(LOOK_MS);
      for (const backend of kept) {
        if (backend.leaving || existsSync(`/proc/${backend.pid}`)) continue;
        await pause(RESTART_MS);
        await start(backend);
      }
    }
  }

  /** @param {Pick<Backend, 'port'>} backend */
  async function start(backend) {
    const env = { ...world.env, PORT: `${backend.port}`, NOTES: notes };
    const running = await startListening(world.node, [program], backend.port, { env });
    return Object.assign(backend, running, { leaving: false });
  }

  return {
    /** @returns {Promise<Backend>} */
    async open() {
      const backend = await start({ port: await freePort() });
      kept.add(backend);
      return backend;
    },
    /** SIGTERM, and until it has finished. @param {Backend} backend */
    async close(backend) {
      backend.leaving = true;
      await backend.stop();
      kept.delete(backend);
    },
    /** On the port it had. @param {Backend} backend */
    async reopen(backend) {
      await start(backend);
      kept.add(backend);
    },
  };
}
