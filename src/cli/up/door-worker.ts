import type { Command } from 'commander';
import { UsageError } from '../../errors.ts';
import type { SocketHandle } from '../../proxy/workers/held-socket.ts';
import type { FromWorker, ToWorker } from '../../proxy/workers/messages.ts';
import type { Context } from '../context/context.ts';

/** What `meowctl` is called with to be a worker of a door. */
export const DOOR_WORKER = '__door-worker';
/** So that one that does not know of TLS ends, and speaks nothing in the clear. */
export const OVER_TLS = '--tls';

/** Not for people: a part of a door that has several processes. */
export function addDoorWorker(program: Command, context: Context): void {
  program
    .command(DOOR_WORKER, { hidden: true })
    .option(OVER_TLS)
    .action((flags: { readonly tls?: true }) => doorWorker(context, flags.tls === true));
}

async function doorWorker({ process: proc, output }: Context, overTls: boolean): Promise<void> {
  if (!proc.send || !proc.connected) {
    const message = `${DOOR_WORKER} is a part of a door, and nothing by itself`;
    throw new UsageError(message, 'Run `meowctl proxy --workers 2`');
  }
  // Ctrl-C and `systemctl stop` reach all of a door's processes; who leads them says what is to be done.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) proc.on(signal, () => {});
  const [{ Worker }, { accessLine }, secure] = await Promise.all([
    import('../../proxy/workers/worker.ts'),
    import('../../proxy/access-log.ts'),
    overTls ? import('../../proxy/secure-side.ts') : null,
  ]);
  const send = (message: FromWorker) => {
    // Where nobody hears it any more, the end of the channel says so.
    if (proc.connected) proc.send?.(message, undefined, undefined, () => {});
  };
  const worker = new Worker({
    primary: { send },
    secureSide: secure?.createWorkerSide ?? null,
    onAnswer: (answered) => output.line(accessLine(answered)),
    log: (line) => output.talk(`meowctl: ${line}`),
  });
  proc.once('disconnect', () => worker.cut());
  proc.on('message', (message, socket) => {
    worker.hear(message as ToWorker, socket as unknown as SocketHandle | undefined);
  });
  await worker.ended;
  if (proc.connected) proc.disconnect();
}
