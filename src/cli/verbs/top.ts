import type { Command } from 'commander';
import type { Context } from '../context/context.ts';
import { examples } from '../flags/help.ts';

interface Options {
  readonly json?: boolean;
  readonly once?: boolean;
}

export function addTop(program: Command, context: Context): void {
  program
    .command('top')
    .description('watch the fleet in the terminal: rates, memory, events; and change it by keys')
    .option('--once', 'print it as it is now, and end; so it does without a terminal')
    .option('--json', 'the same as one JSON value')
    .addHelpText('after', examples('meowctl top', 'meowctl top --once', 'meowctl top --json'))
    .action((options: Options) => top(context, options));
}

async function top(context: Context, { json = false, once = false }: Options): Promise<void> {
  const { output, config } = context;
  if (json || once || config.dumb || !output.outIsTerminal) {
    const { printSnapshot } = await import('../top/snapshot.ts');
    return printSnapshot(context, json);
  }
  const { runTop } = await import('../top/run-top.ts');
  await runTop(context);
}
