import type { Command } from 'commander';
import type { Wanted } from '../../fleet/desired/desired-state.ts';
import type { ServerRecord } from '../../model/records.ts';
import { announceHere } from '../context/announce.ts';
import type { Context, OpenStore } from '../context/context.ts';
import { inTurn } from '../context/in-turn.ts';
import { openWanted } from '../context/open-desired.ts';
import { serverProgram } from '../context/server-program.ts';
import { settle } from '../context/settle.ts';
import { examples } from '../flags/examples.ts';
import { stopSignal } from './proxy.ts';

export function addKeep(program: Command, context: Context): void {
  program
    .command('keep')
    .description("start this host's servers again when they die, until Ctrl-C; `up` does it too")
    .addHelpText('after', examples('meowctl keep'))
    .action(() => keep(context));
}

async function keep(context: Context): Promise<void> {
  const open = await context.openStore({ persistent: true });
  const leave = await announceHere(context, 'keep');
  try {
    await settle(context, open, null);
    const wanted = await openWanted(context, open);
    const keeper = await startKeeper(context, open, wanted, () => {});
    context.output.talk('keeping the servers of this host');
    await stopSignal(context.process);
    await keeper.stop();
  } finally {
    await inTurn([() => open.store.close(), leave]);
  }
}

/**
 * @param wanted what is wanted here, said once what of it is not to be started
 * @param onStarted told of each server that took the place of one that died
 */
export async function startKeeper(
  context: Context,
  open: OpenStore,
  wanted: Wanted,
  onStarted: (record: ServerRecord) => void,
) {
  const [{ Keeper }, { thisMachine }] = await Promise.all([
    import('../../fleet/reconciler/reconciler.ts'),
    import('../../process/identity.ts'),
  ]);
  const { registry, intents } = open.store;
  const keeper = new Keeper({
    registry,
    intents,
    wanted,
    machine: thisMachine(context.config.home),
    ...serverProgram(context, open),
    onStarted,
    log: (line) => context.output.talk(`keeper   ${line}`),
  });
  keeper.start();
  return keeper;
}
