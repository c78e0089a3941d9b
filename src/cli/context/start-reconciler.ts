import type { DesiredState } from '../../fleet/desired/desired-state.ts';
import type { ServerRecord } from '../../model/server-record.ts';
import type { Context, OpenStore } from './context.ts';
import { serverProgram } from './fleet-deps.ts';

/**
 * @param desired what is wanted here, said once what of it is not to be started
 * @param onStarted told of each server that took the place of one that died
 */
export async function startReconciler(
  context: Context,
  open: OpenStore,
  desired: DesiredState,
  onStarted: (record: ServerRecord) => void,
) {
  const [{ Reconciler }, { thisMachine }] = await Promise.all([
    import('../../fleet/reconciler/reconciler.ts'),
    import('../../process/identity.ts'),
  ]);
  const { registry, desiredServers } = open.store;
  const reconciler = new Reconciler({
    registry,
    desiredServers,
    desired,
    machine: thisMachine(context.config.home),
    ...serverProgram(context, open),
    onStarted,
    log: (line) => context.output.talk(`keeper   ${line}`),
  });
  reconciler.start();
  return reconciler;
}
