import { debugTo } from '../debug.ts';
import type { ExitCode } from '../errors.ts';
import { isMistake } from '../expected-errors.ts';
import { readSettings } from '../settings.ts';
import { createContext } from './context/context.ts';
import { splitProgram } from './flags/app-flags.ts';
import { createOutput, type Output } from './output/output.ts';
import { paints } from './output/paints.ts';
import { nameSources } from './output/print-error.ts';
import { report } from './output/usage-error.ts';
import { createProgram } from './program.ts';

/**
 * Runs one command line to its end and says how it ended. The one place that turns what was thrown
 * into words and an exit code.
 */
export async function run(proc: NodeJS.Process, root: string): Promise<ExitCode> {
  const debug = proc.argv.includes('--debug');
  let output: Output | null = null;
  try {
    const config = readSettings(proc.env);
    const talk = createOutput(proc.stdout, proc.stderr, config.color, paints);
    output = talk;
    debugTo(config.debug, proc.pid, (line) => talk.talk(line.slice(0, -1)));
    const { own, program } = splitProgram(proc.argv);
    const context = createContext(proc, root, config, output, program);
    await createProgram(context).parseAsync(own);
    await output.flush();
    return context.exitCode();
  } catch (error) {
    output ??= createOutput(proc.stdout, proc.stderr, 'never', null);
    if (isMistake(error)) nameSources(root);
    return report(error, output, debug, proc.argv.slice(2));
  }
}
