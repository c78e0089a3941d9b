import { defaults } from '../../defaults.ts';
import { startForked } from '../../process/channel/forked.ts';
import { ownProgram } from '../../process/own-program.ts';
import type { FromWorker, StartWorker, ToWorker } from '../../proxy/workers/messages.ts';
import { createWorkers, type Workers } from '../../proxy/workers/workers.ts';
import type { Context } from '../context/context.ts';
import { DOOR_WORKER, OVER_TLS } from './door-worker.ts';

/** Workers for a door, each this program once more, as it is on the disk by then. */
export function openWorkers(
  context: Context,
  count: number,
  { accessLog, overTls }: { readonly accessLog: boolean; readonly overTls: boolean },
): Workers {
  const { config, cliPath, output, process } = context;
  const env = config.childEnv;
  const start: StartWorker = (events) => {
    const { execPath } = process;
    const program = ownProgram({ execPath, cliPath }, env, defaults.leastNode);
    return startForked<ToWorker, FromWorker>(
      { ...program, args: overTls ? [DOOR_WORKER, OVER_TLS] : [DOOR_WORKER], env },
      {
        ...events,
        said(stream, lines) {
          for (const line of lines.slice(0, -1).split('\n')) {
            if (stream === 'stdout') output.line(line);
            else output.talk(line);
          }
        },
      },
    );
  };
  return createWorkers({ count, start, accessLog });
}
