import { defaults } from '../../defaults.ts';
import { inTurn } from '../../errors.ts';
import { withoutRedis } from '../../expected-errors.ts';
import type { DesiredState } from '../../fleet/desired/desired-state.ts';
import type { Scaled } from '../../fleet/scale/scale.ts';
import type { AskedSpec } from '../../fleet/targets/app.ts';
import type { SignedServer } from '../../model/desired-server.ts';
import type { ServerRecord } from '../../model/server-record.ts';
import type { Steps } from '../../steps.ts';
import { parseRedisUrl } from '../../store/connection/redis-url.ts';
import type { Registry } from '../../store/store.ts';
import type { Context, OpenStore } from '../context/context.ts';
import { openDesiredState } from '../context/fleet-deps.ts';
import { settle } from '../context/settle.ts';
import { aborted } from '../context/signals.ts';
import { withSteps } from '../progress/shown.ts';
import { bringUp, retireSpare } from './bring-up.ts';
import {
  type Going,
  keep,
  mindRedis,
  offered,
  restKeeping,
  settleTurn,
  takePlace,
  type UpFlags,
  type UpPlan,
} from './keeping.ts';
import { openDoor } from './open-door.ts';
import type { OpenedDoor } from './opened-door.ts';
import { tellSystemd } from './successor.ts';

/**
 * Redis if needed, door, servers, reconciler, until it is to end; then all it started is ended again, unless
 * another `up` has taken over.
 */
export async function runUp(
  context: Context,
  given: AskedSpec | null,
  plan: UpPlan,
  tellReady: (value: object) => void,
): Promise<void> {
  const { flags, older, renewal, turn } = plan;
  if (turn.ending.aborted) return;
  const open = await context.openStore({ start: true, persistent: true, keeps: true });
  const going: Going = {
    ...{ minder: null, reconciler: null, door: null, desired: null, ours: [] },
    turn: older ? 'not-yet' : 'mine',
  };
  try {
    const asked = await settle(context, open, given);
    const ready = await getGoing(context, open, asked, plan, going);
    const handOver = await renewal.offer(offered(context, open, plan, going, ready.door));
    tellReady({ url: ready.door.url, servers: ready.servers });
    await aborted(AbortSignal.any([turn.ending, handOver.taken]));
    await handOver.close();
    await settleTurn(context, turn, going, handOver.taken);
  } finally {
    await leaveUp(context, open, flags, going);
  }
}

function leaveUp(context: Context, open: OpenStore, flags: UpFlags, going: Going): Promise<void> {
  const { registry } = open.store;
  return inTurn([
    () => withSteps(context, (steps) => end(going, registry, flags.drainTimeout, steps)),
    () => (going.turn === 'mine' ? tellWhatStays(context, registry) : null),
    () => open.store.close(),
  ]);
}

async function getGoing(
  context: Context,
  open: OpenStore,
  asked: AskedSpec | null,
  plan: UpPlan,
  going: Going,
) {
  const { flags, sockets, inherited, older, turn } = plan;
  const { sweepLogs } = await import('../../logs/sweep.ts');
  if (older === null) going.minder = await mindRedis(context, open);
  // The door first: a port that is taken is known before any server starts.
  const startMs = asked?.spec.readyMs ?? defaults.readyTimeoutMs;
  const door = await openDoor(context, open, flags, {
    ...{ startMs, sockets, inherited },
    older: older?.pid ?? null,
  });
  going.door = door;
  await sweepLogs(context.config.home, open.store.registry, defaults.logKeepMs);
  const desired = await openDesiredState(context, open);
  going.desired = desired;
  const started = await bringUp(context, open, plan, asked, desired);
  door.started();
  going.ours.push(...started.started);
  if (older) await takePlace(context, older, turn, going);
  else await tellSystemd(context);
  await keep(context, open, going);
  const fleet = await retireSpare(context, open, plan, asked, started);
  tellWhere(context, open, door, fleet);
  return { door, servers: fleet.serving.length };
}

async function end(going: Going, registry: Registry, drainMs: number, steps: Steps): Promise<void> {
  const { door, desired, ours, turn } = going;
  if (turn === 'handed-over') {
    return inTurn([() => restKeeping(going), () => door?.leave(drainMs)]);
  }
  const { stopServers } = await import('../../fleet/destroy/stop.ts');
  const stop = (servers: readonly (ServerRecord | SignedServer)[]) =>
    stopServers(servers, {
      drainMs,
      settings: defaults,
      registry,
      why: 'because `up` ends',
      steps,
    });
  await inTurn([
    () => restKeeping(going),
    () => (turn === 'mine' ? door?.close(drainMs) : door?.leave(drainMs)),
    () => stop(ours),
    // The older one goes on with what was there before.
    () => (turn === 'mine' ? stop(startedInTheirPlace(desired, ours)) : null),
    () => (turn === 'mine' ? desired?.stopOfUp() : null),
  ]);
}

/** By `restart`, in another process. */
function startedInTheirPlace(desired: DesiredState | null, ours: readonly ServerRecord[]) {
  const list = desired?.list() ?? [];
  return list.filter(({ id, ofUp }) => ofUp === true && !ours.some((known) => known.id === id));
}

function tellWhere({ output }: Context, { url }: OpenStore, door: OpenedDoor, fleet: Scaled) {
  output.talk(`Redis    ${parseRedisUrl(url).label}`);
  const byPort = [...fleet.serving].sort((a, b) => a.port - b.port);
  for (const { id, url: at, worker, app } of byPort) {
    output.talk(worker ? `worker   ${id}  ${app}` : `server   ${at}  ${id}`);
  }
  output.talk(`door     ${door.url}`);
  if (door.redirectUrl) output.talk(`redirect ${door.redirectUrl}  (sends plain HTTP on to it)`);
  if (door.adminUrl)
    output.talk(`page     ${door.adminUrl}/  (to change things there: \`meowctl dashboard\`)`);
  output.talk('Ctrl-C stops the door and the servers it started; `meowctl down` ends everything');
}

async function tellWhatStays({ config, output }: Context, registry: Registry) {
  const { isOfHost, thisMachine } = await import('../../process/identity.ts');
  const machine = thisMachine(config.home);
  // Redis is gone: who stays cannot be told, and need not.
  const { servers } = await registry.fleet().catch(withoutRedis({ servers: [] }));
  const here = servers.filter(({ record }) => isOfHost(record, machine) && record.state === 'up');
  if (here.length === 0) return;
  const stays =
    here.length === 1 ? '1 spawned server stays' : `${here.length} spawned servers stay`;
  output.talk(`${stays}; \`meowctl down\` ends everything`);
}
