import type { Command } from 'commander';
import { defaults } from '../../defaults.ts';
import { NothingError } from '../../errors.ts';
import type { Context } from '../context/context.ts';
import { examples } from '../flags/help.ts';
import { messageKey } from '../flags/values.ts';

interface Options {
  readonly key: string;
  readonly json?: boolean;
}

export function addGet(program: Command, context: Context): void {
  program
    .command('get')
    .description('print the message, while it lives')
    .option('--key <key>', 'which message', messageKey, defaults.messageKey)
    .option('--json', 'print {message, ttlMs}')
    .addHelpText('after', examples('meowctl get', 'meowctl get --key lunch --json'))
    .action((options: Options) => get(context, options));
}

async function get(context: Context, { key, json }: Options): Promise<void> {
  const found = await context.withStore(({ store }) => store.messages.get(key));
  if (!found) {
    throw new NothingError(
      `there is no message "${key}", or it has expired`,
      'Set one with `meowctl set`',
    );
  }
  if (json) context.output.json(found);
  else context.output.line(found.message);
}
