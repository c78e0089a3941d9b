import { FailedError } from '../../errors.ts';
import { type Kind, type Run, type Running, stillRuns } from '../../process/our-process.ts';
import { runningHere } from '../../process/run-notes.ts';
import { terminate } from '../../process/terminate.ts';
import { findUp } from '../up/mark.ts';

/** All that runs from a state folder, an `up` of a version that notes nothing included. */
export function allHere(home: string, run: Run): Running[] {
  const found = runningHere(home, run);
  const mark = findUp(home, run);
  if (!mark || found.some(({ pid }) => pid === mark.pid)) return found;
  const { pid, pidStart } = mark;
  const { bootId, pidNs } = run;
  // It does not say which fleet it is of.
  const fleet = { namespace: '', redis: null };
  return [...found, { kind: 'up', id: null, ...fleet, pid, pidStart, bootId, pidNs }];
}

const names: Readonly<Record<Kind, string>> = {
  server: 'server',
  proxy: 'the door',
  up: '`meowctl up`',
  keep: '`meowctl keep`',
};

/**
 * Ends what runs from a state folder, without Redis: each is asked, with its process group, waited
 * for, and killed; each signal goes to a process that was just checked.
 * @param graceMs how long each has to end by itself
 * @returns what did not end, each named
 */
export async function endHere(
  running: readonly Running[],
  graceMs: number,
): Promise<readonly FailedError[]> {
  const endings = await Promise.all(
    running.map(async (each) => {
      const ending = await terminate({ pid: each.pid, isIt: () => stillRuns(each) }, graceMs);
      return ending === 'alive' ? [doesNotEnd(each)] : [];
    }),
  );
  return endings.flat();
}

function doesNotEnd({ kind, id, pid }: Running): FailedError {
  const name = id === null ? names[kind] : `server ${id}`;
  return new FailedError('not-gone', `${name} (pid ${pid}) does not end`, 'End it by hand');
}
