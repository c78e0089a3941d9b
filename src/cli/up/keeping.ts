import { defaults } from '../../defaults.ts';
import { InterruptedError, inTurn } from '../../errors.ts';
import type { DesiredState } from '../../fleet/desired/desired-state.ts';
import type { Reconciler } from '../../fleet/reconciler/reconciler.ts';
import type { Older } from '../../handover/ask.ts';
import type { Background } from '../../loop.ts';
import type { ServerRecord } from '../../model/server-record.ts';
import type { Context, OpenStore } from '../context/context.ts';
import { startReconciler } from '../context/start-reconciler.ts';
import type { DrainFlags } from '../flags/time-limits.ts';
import { type Beginning, hasEnded } from './older.ts';
import type { DoorFlags } from './open-door.ts';
import type { OpenedDoor } from './opened-door.ts';
import type { HandedOver, Renewal } from './renewal.ts';
import { tellSystemd } from './successor.ts';
import type { Turn } from './turn.ts';

export interface UpFlags extends DoorFlags, DrainFlags {
  readonly number?: number;
}

/** What `up` has going; ended in this order. */
export interface Going {
  /** Where the local Redis is used. */
  minder: Background | null;
  reconciler: Reconciler | null;
  door: OpenedDoor | null;
  desired: DesiredState | null;
  /** The servers it started, those in place of dead ones included. */
  readonly ours: ServerRecord[];
  /** `mine` while all that runs here ends with this `up`; not yet, or not any more, where another has it. */
  turn: 'not-yet' | 'mine' | 'handed-over';
}

/** What `up` was told, and whose place it takes. */
export interface UpPlan extends Beginning<UpFlags> {
  readonly turn: Turn;
  readonly renewal: Renewal;
}

/** All serves: from here on this is the folder's `up`, and the one before leaves. */
export async function takePlace(
  context: Context,
  older: Older,
  turn: Turn,
  going: Going,
): Promise<void> {
  if (turn.ending.aborted) throw endsFirst();
  try {
    await older.release();
  } catch (error) {
    // The lock tells whether that is so.
    if (!(await hasEnded(older))) throw error;
  }
  // Then the older one takes it back.
  if (turn.ending.aborted) throw endsFirst();
  await turn.take();
  going.turn = 'mine';
  // First: systemd ends all where its main process ends.
  await tellSystemd(context);
  older.taken();
}

function endsFirst(): InterruptedError {
  return new InterruptedError('told to end before it had taken over', '');
}

/** Looks after what runs here, from now on; where it does so already, nothing changes. */
export async function keep(context: Context, open: OpenStore, going: Going): Promise<void> {
  const { desired, ours } = going;
  if (desired === null) return;
  going.minder ??= await mindRedis(context, open);
  going.reconciler ??= await startReconciler(context, open, desired, (record) => ours.push(record));
}

export async function restKeeping(going: Going): Promise<void> {
  const { minder, reconciler } = going;
  going.minder = null;
  going.reconciler = null;
  await inTurn([() => minder?.stop(), () => reconciler?.stop()]);
}

/** Nobody else looks after a Redis that meowctl started; any other is not ours to start. */
export async function mindRedis({ config, output }: Context, { url }: OpenStore) {
  const [{ localAddress }, { superviseLocalRedis }] = await Promise.all([
    import('../../local-redis/recorded-run.ts'),
    import('../../local-redis/supervisor.ts'),
  ]);
  const { home, redisUrl, redisProbeUrl: probeUrl, childEnv: env } = config;
  if (redisUrl !== null || localAddress(home) !== url) return null;
  return superviseLocalRedis({ home, probeUrl, env, settings: defaults }, defaults, (line) =>
    output.talk(`Redis    ${line}`),
  );
}

/** Who takes over has the keeper's work first, then all that ends with an `up`. */
export function offered(
  context: Context,
  open: OpenStore,
  { turn, inherited }: UpPlan,
  going: Going,
  door: OpenedDoor,
): HandedOver {
  return {
    door,
    inherited,
    async release() {
      going.turn = 'handed-over';
      await inTurn([() => restKeeping(going), () => turn.release()]);
    },
    async reclaim() {
      // Then it is decided at the end: `settleTurn`.
      if (turn.ending.aborted || !(await turn.takeBack())) return false;
      going.turn = 'mine';
      await keep(context, open, going);
      return true;
    },
  };
}

/**
 * Whose it is what runs here, once this `up` ends: what was let go, and that nobody has taken, ends with it.
 * The lock knows: whoever was given it may just be taking it.
 * @param taken aborted where it is another's for sure
 */
export async function settleTurn(
  { output }: Context,
  turn: Turn,
  going: Going,
  taken: AbortSignal,
): Promise<void> {
  if (taken.aborted) going.turn = 'handed-over';
  else if (going.turn === 'handed-over' && (await turn.takeBack())) going.turn = 'mine';
  if (going.turn === 'mine') output.talk('stopping: keeper, door, servers');
  else if (!taken.aborted) output.talk('another `up` has this folder by now: servers run on');
}
