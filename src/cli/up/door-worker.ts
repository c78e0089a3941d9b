import type { Socket } from 'node:net';
import type { Command } from 'commander';
import { UsageError } from '../../errors.ts';
import type { FromWorker, ToWorker } from '../../proxy/workers/messages.ts';
import type { Context } from '../context/context.ts';

/** What `meowctl` is called with to be a worker of a door. */
export const DOOR_WORKER = '__door-worker';

/** Not for people: a part of a door that has several processes. */
export function addDoorWorker(program: Command, context: Context): void {
  program.command(DOOR_WORKER, { hidden: true }).action(() => doorWorker(context));
}

async function doorWorker({ process: proc, output }: Context): Promise<void> {
  if (!proc.send || !proc.connected) {
    const message = `${DOOR_WORKER} is a part of a door, and nothing by itself`;
    throw new UsageError(message, 'Run `meowctl proxy --workers 2`');
  }
  // Ctrl-C and `systemctl stop` reach all of a door's processes; who leads them says what is to be done.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) proc.on(signal, () => {});
  const [{ Worker }, { accessLine }] = await Promise.all([
    import('../../proxy/workers/worker.ts'),
    import('../../proxy/access-log.ts'),
  ]);
  const send = (message: FromWorker) => {
    // Where nobody hears it any more, the end of the channel says so.
    if (proc.connected) proc.send?.(message, undefined, undefined, () => {});
  };
  const worker = new Worker({
    primary: { send },
    onAnswer: (answered) => output.line(accessLine(answered)),
    log: (line) => output.talk(`meowctl: ${line}`),
  });
  proc.once('disconnect', () => worker.cut());
  proc.on('message', (message, socket) => {
    worker.hear(message as ToWorker, socket as Socket | undefined);
  });
  await worker.ended;
  if (proc.connected) proc.disconnect();
}
