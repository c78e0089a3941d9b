import { defaults } from '../../defaults.ts';
import { exitCodes } from '../../errors.ts';
import { withoutRedis } from '../../expected-errors.ts';
import { keepOwnLog } from '../../logs/own-log.ts';
import { type AppSpec, catSpec, isWorker } from '../../model/app-spec.ts';
import { type ReadyPipe, readyPipe } from '../../process/ready-pipe.ts';
import { waitForRelease } from '../../process/standby.ts';
import type { RunningServer } from '../../server/options.ts';
import type { Store } from '../../store/store.ts';
import { announceHere } from '../context/announce.ts';
import type { Context } from '../context/context.ts';
import { givenSpec } from '../flags/app-flags.ts';
import type { ServeFlags } from '../flags/serve-flags.ts';
import { servingLine } from '../output/rows.ts';
import { exitOf, leaveInOrder } from './leave-in-order.ts';
import { mustBeFirst } from './one-process.ts';
import type { OpenApp, OpenedApp } from './opened-app.ts';
import { handRunApp, launchedApp, type ServedApp } from './served-app.ts';

/** Runs until the server has left. What goes wrong before it is ready goes to whoever spawned it. */
export async function runServer(
  context: Context,
  options: ServeFlags,
  open: OpenApp,
): Promise<void> {
  const { config, process: proc } = context;
  const spawned = options.spawned ?? false;
  await mustBeFirst(context, options);
  if (spawned && options.id !== undefined) keepOwnLog(proc, config.home, options.id, defaults);
  const given = spawned ? givenSpec(context) : null;
  const released = options.standby ? waitForRelease(proc) : undefined;
  const hand = spawned ? null : handRunApp(context, options);
  const ready = readyPipe(spawned, proc, {
    readyMs: given?.readyMs ?? defaults.readyTimeoutMs,
    reasonMs: defaults.reasonMs,
    released,
  });
  try {
    const { createId } = await import('../../ids.ts');
    const served = hand ?? launchedApp(context, given ?? catSpec);
    const named = { ...options, id: options.id ?? createId() };
    await serveAnnounced(context, served, named, { ready, released, open });
  } catch (error) {
    ready.fail(error);
    throw error;
  }
}

async function serveAnnounced(
  context: Context,
  served: ServedApp,
  options: Named,
  around: Surroundings,
): Promise<void> {
  const leave = await announceHere(context, 'server', { id: options.id });
  try {
    await serveUntilGone(context, served, options, around);
  } finally {
    leave();
  }
}

interface Named extends ServeFlags {
  readonly id: string;
}

interface Surroundings {
  readonly open: OpenApp;
  readonly ready: ReadyPipe;
  /** When it lets a server go on that it holds back. */
  readonly released: Promise<void> | undefined;
}

async function serveUntilGone(
  context: Context,
  { spec, env }: ServedApp,
  options: Named,
  around: Surroundings,
): Promise<void> {
  const { store } = await context.openStore({ persistent: true });
  try {
    const app = await around.open(context, store, spec, env);
    await serveApp(context, store, app, spec, options, around).finally(app.leave);
  } finally {
    await store.close();
  }
}

async function serveApp(
  context: Context,
  store: Store,
  app: OpenedApp,
  spec: AppSpec,
  options: Named,
  { ready, released }: Surroundings,
): Promise<void> {
  const [{ serve }, { thisMachine }] = await Promise.all([
    import('../../server/serve.ts'),
    import('../../process/identity.ts'),
  ]);
  await released;
  const startMs = released ? performance.now() : 0;
  const ownDesired = options.spawned ? await ownDesiredServer(context, store, spec, options) : null;
  const leaving = leaveInOrder(context.process, options.drainTimeout);
  const server = await serve(
    {
      store,
      ownDesired,
      onRegister: leaving.registers,
      onFail: ready.fail,
      log: context.output.talk,
      createApp: app.createApp,
    },
    {
      ...place(context, spec, options),
      spec,
      folder: app.folder,
      startMs,
      machine: thisMachine(context.config.home),
    },
  );
  context.output.talk(servingLine(server.record()));
  ready.tell(server.record());
  if (options.spawned) await tellOfItsEnd(context, server, options.id);
  leaving.serves(server);
  // Where each container runs its server, nobody spawns, and nobody else takes away what died.
  if (!options.spawned)
    await store.registry.sweep(defaults.sweepLostAfterMs).catch(withoutRedis([]));
  context.exitWith(exitOf[await server.ended]);
}

/** Whoever keeps it hears of its end at once, and how it ended by its log. */
async function tellOfItsEnd(context: Context, server: RunningServer, id: string): Promise<void> {
  const { config, output, process: proc, exitCode } = context;
  const [{ holdLivenessConnections }, { sayExit }] = await Promise.all([
    import('../../fleet/death-watch/liveness-connections.ts'),
    import('../../logs/exit-line.ts'),
  ]);
  const wasTold = () => server.record().state === 'draining' || exitCode() !== exitCodes.done;
  sayExit(proc, wasTold, output.talk);
  const sinceMs = performance.now();
  holdLivenessConnections(config.home, id, sinceMs, defaults.beatMs, output.talk);
}

/** What the server is told of itself and of where it listens. */
function place({ version, config }: Context, spec: AppSpec, options: Named) {
  return {
    id: options.id,
    version,
    listenHost: listenHost(config, spec, options),
    fixedPort: options.port ?? null,
    firstPort: options.firstPort ?? null,
    replaces: options.replaces ?? null,
    advertise: options.advertise ?? config.advertise,
    drainMs: options.drainTimeout,
    limits: defaults,
  };
}

// A worker takes no requests: nobody on another machine has anything to ask of it.
function listenHost(
  { serverHost }: Context['config'],
  spec: AppSpec,
  { host }: Pick<ServeFlags, 'host'>,
): string {
  return isWorker(spec) ? defaults.serverHost : (host ?? serverHost);
}

async function ownDesiredServer(
  { config }: Context,
  { registry, desiredServers }: Store,
  spec: AppSpec,
  options: ServeFlags,
) {
  const { OwnDesiredServer } = await import('../../fleet/desired/own-desired-server.ts');
  const { home, namespace } = config;
  return new OwnDesiredServer(
    { home, namespace, registry, desiredServers },
    {
      spec,
      fixedPort: options.port !== undefined,
      listenHost: listenHost(config, spec, options),
      advertise: options.advertise ?? config.advertise,
      ofUp: options.ofUp ?? false,
      replaces: options.replaces ?? null,
    },
  );
}
