import { defaults } from '../../defaults.ts';
import type { Kind } from '../../process/our-process.ts';
import type { Context } from './context.ts';

interface Which {
  readonly id?: string | null;
  readonly admin?: string | null;
  readonly handOver?: string;
}

/**
 * Notes in the state folder that this process runs, until it ends.
 * @param which the id of a server, or where a door's admin listener is, and where it hands over
 * @returns takes the note away
 */
export async function announceHere(
  { config, process: proc, output }: Context,
  kind: Kind,
  { id = null, admin = null, handOver }: Which = {},
): Promise<() => void> {
  const [{ announce }, { fleetName }, { thisMachine }] = await Promise.all([
    import('../../process/run-notes.ts'),
    import('../../process/our-process.ts'),
    import('../../process/identity.ts'),
  ]);
  const { home, redisUrl, namespace } = config;
  const place = {
    ...(admin === null ? {} : { admin }),
    ...(handOver === undefined ? {} : { handOver }),
  };
  const what = { kind, id, ...place, ...fleetName(redisUrl, namespace) };
  const leave = announce(home, what, thisMachine(home), {
    everyMs: defaults.runNoteMs,
    log: output.talk,
  });
  proc.once('exit', leave);
  // Node cannot collect processes that it did not start.
  if (proc.pid === 1 && (kind === 'up' || kind === 'server')) {
    output.talk(
      'meowctl: this runs as process 1: ended processes that it did not start will pile up',
    );
    output.talk('  Run the container with `--init`, or meowctl under tini');
  }
  return leave;
}
