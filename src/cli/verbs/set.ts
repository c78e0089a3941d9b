import type { Command } from 'commander';
import { defaults } from '../../defaults.ts';
import type { Context } from '../context/context.ts';
import { examples } from '../flags/help.ts';
import { message, messageKey, ttl } from '../flags/values.ts';

interface Options {
  readonly key: string;
  readonly ttl: number;
  readonly json?: boolean;
}

export function addSet(program: Command, context: Context): void {
  program
    .command('set')
    .description('set a message that expires')
    .argument('[message]', 'at most 4 KiB', message, defaults.message)
    .option('--key <key>', 'which message', messageKey, defaults.messageKey)
    .option('--ttl <seconds>', 'how long it lives', ttl, defaults.messageTtlSeconds)
    .option('--json', 'print {message, key, ttlMs}')
    .addHelpText('after', examples("meowctl set 'back in five' --ttl 300"))
    .action((text: string, options: Options) => set(context, text, options));
}

async function set(context: Context, text: string, { key, ttl, json }: Options): Promise<void> {
  await context.withStore(({ store }) => store.messages.set(key, text, ttl));
  if (json) context.output.json({ message: text, key, ttlMs: ttl * 1_000 });
  else context.output.talk(`set; it expires in ${ttl} s`);
}
