import type { Command } from 'commander';
import { inTurn } from '../../errors.ts';
import { announceHere } from '../context/announce.ts';
import type { Context } from '../context/context.ts';
import { openDesiredState } from '../context/fleet-deps.ts';
import { settle } from '../context/settle.ts';
import { aborted } from '../context/signals.ts';
import { startReconciler } from '../context/start-reconciler.ts';
import { examples } from '../flags/help.ts';

export function addKeep(program: Command, context: Context): void {
  program
    .command('keep')
    .description("start this host's servers again when they die, until Ctrl-C; `up` does it too")
    .addHelpText('after', examples('meowctl keep'))
    .action(() => keep(context));
}

async function keep(context: Context): Promise<void> {
  const stopping = context.stopping();
  const open = await context.openStore({ persistent: true });
  const leave = await announceHere(context, 'keep');
  try {
    await settle(context, open, null);
    const desired = await openDesiredState(context, open);
    const reconciler = await startReconciler(context, open, desired, () => {});
    context.output.talk('keeping the servers of this host');
    await aborted(stopping);
    await reconciler.stop();
  } finally {
    await inTurn([() => open.store.close(), leave]);
  }
}
