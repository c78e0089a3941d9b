import type { Command } from 'commander';
import { UsageError } from '../../errors.ts';
import { quote } from '../../text.ts';
import type { Context } from '../context/context.ts';
import { choice } from '../flags/choice.ts';
import { examples } from '../flags/help.ts';

type Shell = 'bash' | 'zsh' | 'fish';

const shell = choice<Shell>(['bash', 'zsh', 'fish'], (text) => {
  if (text === 'bash' || text === 'zsh' || text === 'fish') return text;
  throw new UsageError(
    `shell ${quote(text)} is not one that meowctl completes in`,
    'Use bash, zsh or fish',
  );
});

export function addCompletion(program: Command, context: Context): void {
  program
    .command('completion')
    .description('print what makes a shell complete verbs, flags, servers and files at Tab')
    .argument('<shell>', 'bash, zsh or fish', shell)
    .addHelpText('after', examples('meowctl completion zsh', 'source <(meowctl completion bash)'))
    .action((name: Shell) => completion(context, name));
}

async function completion({ output }: Context, name: Shell): Promise<void> {
  const { scripts } = await import('./scripts.ts');
  const { text, now, forGood } = scripts[name];
  await output.bytes(Buffer.from(text));
  if (!output.errIsTerminal) return;
  output.talk(`for this shell:  ${now}`);
  output.talk(`for every shell: ${forGood}`);
}

/**
 * What those scripts ask, at each Tab.
 * @param declare a program with that verb alone, or with all of them
 */
export function addComplete(
  program: Command,
  context: Context,
  declare: (verb?: string) => Command,
): void {
  program
    .command('__complete', { hidden: true })
    .argument('[words...]')
    .action((words: string[]) => answer(context, declare, words));
}

async function answer(
  context: Context,
  declare: (verb?: string) => Command,
  words: readonly string[],
): Promise<void> {
  const [{ complete }, { createCompletionSource }] = await Promise.all([
    import('./candidates.ts'),
    import('./completion-source.ts'),
  ]);
  const { candidates, rule } = await complete(declare, createCompletionSource(context), words);
  const { output } = context;
  for (const { value, about } of candidates) output.line(`${value}\t${about}`);
  output.line(`:${rule}`);
}
