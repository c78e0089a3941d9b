import { until } from '../time/until.ts';
import { endInWords } from './child-ends.ts';
import { watchGroup } from './group-usage.ts';
import { sessionOf } from './identity.ts';
import { type AttachedProgram, startAttached } from './launcher.ts';
import { listenersOf, portPids } from './port-holder.ts';
import { commandLineOf, processTree, startedWith, startOf } from './process-tree.ts';
import { endGroup, hasEnded, signalChild, stopChild } from './terminate.ts';

/** A process that is about to become a program has no command line for a moment: whose it is can't be told. */
const EXEC_MS = 1_000;
const POLL_MS = 10;

/**
 * Starts a program in a process group of its own that does not outlive us, not even when we are
 * killed: it gets SIGTERM then, and SIGKILL after the grace.
 */
export function startProgram(program: AttachedProgram) {
  const child = startAttached(program);
  const pid = child.pid ?? 0;
  const start = startOf(pid);
  let left: number | null = null;
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(`could not be started: ${error.message}`));
    child.once('exit', async (code, signal) => {
      if (code === 0) left = await leftBehind(pid, start, program.env);
      resolve(describe(code) ?? endInWords(code, signal));
      void endGroup(pid);
    });
  });
  return {
    pid,
    ended,
    hasEnded: () => pid === 0 || hasEnded(child),
    holds(port: number): boolean | null {
      const pids = portPids(port);
      return pids.length === 0 ? null : pids.some((other) => sessionOf(other) === pid);
    },
    listens: () => listenersOf(processTree(pid)),
    leftBehind: () => left,
    usage: watchGroup(pid),
    tell: (signal: NodeJS.Signals) => signalChild(child, signal),
    stop: (graceMs: number) => stopChild(child, graceMs),
  };
}

async function leftBehind(
  pid: number,
  start: number,
  { PORT }: AttachedProgram['env'],
): Promise<number | null> {
  const known = () => {
    const found = strays(pid, start, PORT);
    const stray = found.find((other) => commandLineOf(other).length > 0);
    return stray === undefined && found.length > 0 ? null : { stray };
  };
  return (await until(known, { everyMs: POLL_MS, withinMs: EXEC_MS }))?.stray ?? null;
}

// A daemon leaves the session of its parent, but keeps its environment.
function strays(pid: number, start: number, port: string | undefined): number[] {
  const daemons = port === undefined ? [] : startedWith(`PORT=${port}`, start);
  return [...processTree(pid), ...daemons].filter((other) => other !== pid && !isGuard(other));
}

/** Ours, in the group of every program: see launcher.ts. */
function isGuard(pid: number): boolean {
  const [shell, , , name] = commandLineOf(pid);
  return shell === '/bin/sh' && name === 'meowctl';
}

// As the shell that starts it tells.
function describe(code: number | null): string | null {
  if (code === 127) return 'was not found (exit code 127)';
  if (code === 126) return 'may not be run (exit code 126)';
  return null;
}
