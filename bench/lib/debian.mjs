import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onPath } from './programs.mjs';

const folder = fileURLToPath(new URL('../node_modules/.cache/debian', import.meta.url));

/**
 * A proxy as the machine has it, else from its Debian package: unpacked beside the other peers,
 * never installed, so that no service starts and no root is needed.
 * @param {import('./world.mjs').World} world
 * @param {'nginx' | 'haproxy' | 'caddy'} name
 * @returns {Promise<{ command: string, env: NodeJS.ProcessEnv } | null>} null where there is none
 */
export async function findPeer(world, name) {
  // Debian puts some into sbin, which is not on everybody's PATH.
  const found = await onPath(name, `/usr/sbin/${name}`);
  if (found !== null) return { command: found, env: world.env };
  const unpacked = unpack(world, name);
  if (unpacked !== null) {
    return { command: unpacked, env: { ...world.env, LD_LIBRARY_PATH: libraries(name) } };
  }
  world.say(`${name} is not installed: skipped. Run: apt-get install ${name}`);
  return null;
}

function unpack(world, name) {
  if (programIn(name) === null) {
    world.say(`unpacking ${name} from its Debian package`);
    download(name);
  }
  return programIn(name);
}

function download(name) {
  const archives = join(folder, name, 'archives');
  mkdirSync(join(archives, 'partial'), { recursive: true });
  const here = ['-o', 'Debug::NoLocking=true', '-o', `Dir::Cache::archives=${archives}`];
  const how = ['-q', '-y', '--no-install-recommends', '--download-only'];
  spawnSync('apt-get', [...here, ...how, 'install', name], { stdio: ['ignore', 'ignore', 2] });
  for (const file of readdirSync(archives).filter((entry) => entry.endsWith('.deb'))) {
    spawnSync('dpkg', ['-x', join(archives, file), join(folder, name)], { stdio: 'ignore' });
  }
}

function programIn(name) {
  const places = ['usr/sbin', 'usr/bin'].map((place) => join(folder, name, place, name));
  return places.find((place) => existsSync(place)) ?? null;
}

/** The folders of those libraries that the machine itself lacks. */
function libraries(name) {
  const root = join(folder, name, 'usr/lib');
  if (!existsSync(root)) return '';
  const folders = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return folders.map((entry) => join(root, entry.name)).join(':');
}
