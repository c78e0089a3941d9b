import type { Running } from '../process/our-process.ts';
import { type Check, some, warn, well } from './check.ts';

/** An `up` of this machine, whatever state folder it has. */
export interface Up extends Pick<Running, 'pid' | 'namespace' | 'redis'> {
  readonly home: string;
}

/**
 * Several `up`s. A state folder has one at most; two folders of one fleet are two hosts on one machine,
 * which is seldom meant.
 * @param redises the names that the Redis of this run goes by
 */
export function checkUps(
  ups: readonly Up[],
  home: string,
  namespace: string,
  redises: ReadonlySet<string | null>,
): Check {
  const here = ups.filter((up) => up.home === home);
  if (here.length > 1) {
    const pids = some(here.map(({ pid }) => String(pid)));
    const says = `several \`meowctl up\` of this state folder: pids ${pids}`;
    return warn('ups', says, 'One of them is about to end; else `meowctl down`, and one `up`');
  }
  const others = ups.filter(
    (up) => up.home !== home && up.namespace === namespace && redises.has(up.redis),
  );
  if (others.length > 0) {
    const where = some(others.map(({ home: folder, pid }) => `${folder} (pid ${pid})`));
    const says = `another \`meowctl up\` of this machine keeps servers of the same fleet: ${where}`;
    return warn('ups', says, 'Use one state folder (MEOW_HOME), or a MEOW_NAMESPACE for each');
  }
  if (here.length === 1) return well('ups', `\`meowctl up\` runs (pid ${here[0]?.pid})`);
  return well(
    'ups',
    'no `meowctl up` runs here: nothing starts again what dies, unless `keep` runs',
  );
}
