import type { Command } from 'commander';
import { inTurn, StoreError } from '../../errors.ts';
import { until } from '../../time/until.ts';
import { announceHere } from '../context/announce.ts';
import type { Context, OpenStore } from '../context/context.ts';
import { aborted } from '../context/signals.ts';
import { examples } from '../flags/help.ts';
import { addDrainTimeout, type DrainFlags } from '../flags/time-limits.ts';
import { type Beginning, begin } from '../up/older.ts';
import { addDoorOptions, checkDoorFlags, type DoorFlags, openDoor } from '../up/open-door.ts';
import { Renewal } from '../up/renewal.ts';
import { tellSystemd } from '../up/successor.ts';

interface Options extends DoorFlags, DrainFlags {
  readonly waitRedis?: boolean;
}

const WAIT_STEP_MS = 500;

export function addProxy(program: Command, context: Context): void {
  const verb = program
    .command('proxy')
    .description('open the door: hand requests to the servers in strict rotation')
    .option('--wait-redis', 'wait for Redis instead of failing without it')
    .addHelpText('after', examples('meowctl proxy', 'meowctl proxy --port 8080 --workers cores'))
    .action((options: Options) => proxy(context, options));
  addDrainTimeout(verb, 'how long requests may finish at the end');
  addDoorOptions(verb);
}

async function proxy(context: Context, options: Options): Promise<void> {
  await checkDoorFlags(options);
  const renewal = new Renewal(context, 'proxy');
  const stopping = context.stopping();
  const open = await openPatiently(context, options.waitRedis ?? false, stopping);
  if (open === null) return;
  let older: Beginning<Options>['older'] = null;
  try {
    const beginning = await begin(context, 'proxy', options);
    older = beginning.older;
    await runDoor(context, open, beginning, { renewal, stopping });
  } finally {
    older?.close();
    await open.store.close();
  }
}

interface Ends {
  readonly renewal: Renewal;
  readonly stopping: AbortSignal;
}

async function runDoor(
  context: Context,
  open: OpenStore,
  { flags, sockets, inherited, older }: Beginning<Options>,
  { renewal, stopping }: Ends,
): Promise<void> {
  const { output } = context;
  const door = await openDoor(context, open, flags, {
    ...{ startMs: null, sockets, inherited },
    older: older?.pid ?? null,
  });
  let leave = () => {};
  let end = door.close;
  try {
    const place = renewal.place();
    leave = await announceHere(context, 'proxy', { admin: door.adminUrl, ...place });
    const nothing = async () => {};
    const isOurs = async () => true;
    const handOver = await renewal.offer({ door, inherited, release: nothing, reclaim: isOurs });
    await tellSystemd(context);
    older?.taken();
    output.talk(`the door is ${door.url}`);
    if (door.redirectUrl) output.talk(`redirect ${door.redirectUrl}  (sends plain HTTP on to it)`);
    if (door.adminUrl)
      output.talk(`page     ${door.adminUrl}/  (to change things there: \`meowctl dashboard\`)`);
    const ending = AbortSignal.any([stopping, handOver.taken]);
    await Promise.race([aborted(ending), door.replaced ?? aborted(ending)]);
    await handOver.close();
    if (handOver.taken.aborted) end = door.leave;
  } finally {
    await inTurn([() => end(flags.drainTimeout), () => leave()]);
  }
}

/** @returns null where it is told to stop first */
async function openPatiently(
  context: Context,
  wait: boolean,
  stopping: AbortSignal,
): Promise<OpenStore | null> {
  const open = () =>
    context.openStore({ persistent: true, keeps: true }).catch((error) => {
      if (wait && error instanceof StoreError) return null;
      throw error;
    });
  const withinMs = Number.POSITIVE_INFINITY;
  return await until(open, { everyMs: WAIT_STEP_MS, withinMs, signal: stopping });
}
