import { defaults } from '../../defaults.ts';
import { InterruptedError, inTurn } from '../../errors.ts';
import { withoutRedis } from '../../expected-errors.ts';
import type { DesiredState } from '../../fleet/desired/desired-state.ts';
import type { Reconciler } from '../../fleet/reconciler/reconciler.ts';
import type { Scaled } from '../../fleet/scale/scale.ts';
import type { AskedSpec } from '../../fleet/targets/app.ts';
import type { Background } from '../../loop.ts';
import type { SignedServer } from '../../model/desired-server.ts';
import type { ServerRecord } from '../../model/server-record.ts';
import type { Machine } from '../../process/identity.ts';
import type { Steps } from '../../steps.ts';
import { parseRedisUrl } from '../../store/connection/redis-url.ts';
import type { Registry } from '../../store/store.ts';
import type { Context, OpenStore } from '../context/context.ts';
import { openDesiredState, serverProgram } from '../context/fleet-deps.ts';
import { settle } from '../context/settle.ts';
import { aborted } from '../context/signals.ts';
import { startReconciler } from '../context/start-reconciler.ts';
import type { DrainFlags } from '../flags/time-limits.ts';
import { tellFailures } from '../output/print-failures.ts';
import { withSteps } from '../progress/shown.ts';
import { type DoorFlags, type OpenedDoor, openDoor } from './open-door.ts';

export interface UpFlags extends DoorFlags, DrainFlags {
  readonly number?: number;
}

/** What `up` has going; ended in this order. */
interface Going {
  /** Where the local Redis is used. */
  minder: Background | null;
  reconciler: Reconciler | null;
  door: OpenedDoor | null;
  desired: DesiredState | null;
  /** The servers it started, those in place of dead ones included. */
  readonly ours: ServerRecord[];
}

/** Redis if needed, door, servers, reconciler, until `stopping`; then all it started is ended again. */
export async function runUp(
  context: Context,
  given: AskedSpec | null,
  flags: UpFlags,
  tellReady: (value: object) => void,
  stopping: AbortSignal,
): Promise<void> {
  if (stopping.aborted) return;
  const { home } = context.config;
  const { thisMachine } = await import('../../process/identity.ts');
  const open = await context.openStore({ start: true, persistent: true, keeps: true });
  const going: Going = { minder: null, reconciler: null, door: null, desired: null, ours: [] };
  try {
    const asked = await settle(context, open, given);
    tellReady(await getGoing(context, open, asked, flags, going, stopping));
    await aborted(stopping);
    context.output.talk('stopping: keeper, door, servers');
  } finally {
    await inTurn([
      () =>
        withSteps(context, (steps) => end(going, open.store.registry, flags.drainTimeout, steps)),
      () => tellWhatStays(context, open.store.registry, thisMachine(home)),
      () => open.store.close(),
    ]);
  }
}

async function getGoing(
  context: Context,
  open: OpenStore,
  asked: AskedSpec | null,
  flags: UpFlags,
  going: Going,
  signal: AbortSignal,
) {
  const [{ scaleTo: bringUp }, { sweepLogs }, { thisMachine }] = await Promise.all([
    import('../../fleet/scale/scale.ts'),
    import('../../logs/sweep.ts'),
    import('../../process/identity.ts'),
  ]);
  const { registry } = open.store;
  going.minder = await mindRedis(context, open);
  // The door first: a port that is taken is known before any server starts.
  const startMs = asked?.spec.readyMs ?? defaults.readyTimeoutMs;
  const door = await openDoor(context, open, flags, startMs);
  going.door = door;
  if (door.roll) context.atHangUp(door.roll);
  await sweepLogs(context.config.home, registry, defaults.logKeepMs);
  const desired = await openDesiredState(context, open);
  going.desired = desired;
  const deps = {
    registry,
    desired,
    machine: thisMachine(context.config.home),
    ...serverProgram(context, open),
  };
  const wanted = { count: flags.number ?? null, asked, ofUp: true, signal };
  const fleet = await withSteps(context, (steps) => bringUp(deps, { ...wanted, steps }));
  door.started();
  going.ours.push(...fleet.started);
  // To be told to stop meanwhile is no failure: that is how it ends.
  const failed = fleet.failed.filter((error) => !(error instanceof InterruptedError));
  tellFailures(failed, context, `${fleet.serving.length} servers serve`);
  tellWhere(context, open, door, fleet);
  going.reconciler = await startReconciler(context, open, desired, (record) =>
    going.ours.push(record),
  );
  return { url: door.url, servers: fleet.serving.length };
}

/** Nobody else looks after a Redis that meowctl started; any other is not ours to start. */
async function mindRedis({ config, output }: Context, { url }: OpenStore) {
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

async function end(
  { minder, reconciler, door, desired, ours }: Going,
  registry: Registry,
  drainMs: number,
  steps: Steps,
): Promise<void> {
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
    () => minder?.stop(),
    () => reconciler?.stop(),
    () => door?.close(drainMs),
    () => stop(ours),
    () => stop(startedInTheirPlace(desired, ours)),
    () => desired?.stopOfUp(),
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

async function tellWhatStays({ output }: Context, registry: Registry, machine: Machine) {
  const { isOfHost } = await import('../../process/identity.ts');
  // Redis is gone: who stays cannot be told, and need not.
  const { servers } = await registry.fleet().catch(withoutRedis({ servers: [] }));
  const here = servers.filter(({ record }) => isOfHost(record, machine) && record.state === 'up');
  if (here.length === 0) return;
  const stays =
    here.length === 1 ? '1 spawned server stays' : `${here.length} spawned servers stay`;
  output.talk(`${stays}; \`meowctl down\` ends everything`);
}
