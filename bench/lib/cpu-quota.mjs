import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from './until.mjs';

const PERIOD_US = 100_000;
const ROOT = '/sys/fs/cgroup';

/**
 * A cgroup whose processes together get this share of a core; they leave it with their end.
 * @param {import('./world.mjs').World} world
 * @param {string} name
 * @param {number} share
 * @returns {((pid: number) => void) | null} puts a process into it; null where none can be made here
 */
export function createQuota(world, name, share) {
  const quotaUs = Math.round(PERIOD_US * share);
  const isFirst = existsSync(join(ROOT, 'cpu'));
  const folder = join(ROOT, isFirst ? 'cpu' : '', `meow-bench-${process.pid}-${name}`);
  try {
    mkdirSync(folder);
    world.atEnd(() => until(`${folder} is empty`, () => removed(folder)));
    if (isFirst) {
      writeFileSync(join(folder, 'cpu.cfs_period_us'), `${PERIOD_US}`);
      writeFileSync(join(folder, 'cpu.cfs_quota_us'), `${quotaUs}`);
    } else {
      writeFileSync(join(folder, 'cpu.max'), `${quotaUs} ${PERIOD_US}`);
    }
  } catch (error) {
    world.say(`no cgroup with a quota can be made here (${error.code})`);
    return null;
  }
  return (pid) => writeFileSync(join(folder, 'cgroup.procs'), `${pid}`);
}

function removed(folder) {
  try {
    rmdirSync(folder);
    return true;
  } catch (error) {
    if (error.code === 'EBUSY') return false;
    if (error.code === 'ENOENT') return true;
    throw error;
  }
}
