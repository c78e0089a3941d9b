import type { Command } from 'commander';
import type { Context } from '../context/context.ts';
import { examples } from '../flags/help.ts';

interface Options {
  readonly json?: boolean;
}

export function addRecent(program: Command, context: Context): void {
  program
    .command('recent')
    .description('print the 5 most recent visits, newest first')
    .option('--json', 'print an array of paths')
    .addHelpText('after', examples('meowctl recent'))
    .action((options: Options) => recent(context, options));
}

async function recent({ output, withStore }: Context, options: Options): Promise<void> {
  const paths = await withStore(({ store }) => store.visits.recent());
  if (options.json) return output.json(paths);
  if (paths.length === 0) return output.talk('no visits yet: start a server with `meowctl spawn`');
  for (const path of paths) output.line(path);
}
