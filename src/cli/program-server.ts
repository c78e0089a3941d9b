import { debugTo } from '../debug.ts';
import type { ExitCode } from '../errors.ts';
import { readSettings } from '../settings.ts';
import { createContext } from './context/context.ts';
import { exitWith } from './exit-with.ts';
import { splitProgram } from './flags/app-flags.ts';
import { readServeFlags, type ServeFlags } from './flags/serve-flags.ts';
import { createOutput, type Output } from './output/output.ts';
import { tell } from './output/print-error.ts';
import { openProgram } from './serve/open-program.ts';
import { runServer } from './serve/run-server.ts';

/*
 * A bundle of its own: `serve` of a program, one of which stands beside each program of a fleet.
 * Nothing in it reaches commander or the apps that we serve in our own process.
 */

/** @returns false where the command line is not plainly that: then the whole of meowctl is needed */
export function startProgramServer(proc: NodeJS.Process, root: string): boolean {
  const { own, program } = splitProgram(proc.argv);
  const flags = readServeFlags(own.slice(3));
  if (flags === null) return false;
  exitWith(proc, run(proc, root, flags, program));
  return true;
}

async function run(
  proc: NodeJS.Process,
  root: string,
  flags: ServeFlags,
  program: readonly string[] | null,
): Promise<ExitCode> {
  let output: Output | null = null;
  try {
    const config = readSettings(proc.env);
    debugTo(config.debug, proc.pid, (line) => proc.stderr.write(line));
    output = createOutput(proc.stdout, proc.stderr, config.color, null);
    const context = createContext(proc, root, config, output, program);
    await runServer(context, flags, openProgram);
    await output.flush();
    return context.exitCode();
  } catch (error) {
    return tell(error, output ?? createOutput(proc.stdout, proc.stderr, 'never', null), false);
  }
}
