import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { defaults } from '../config.ts';
import { exitCodes } from '../errors.ts';
import { catSpec } from '../store/app-spec.ts';
import type { AppSpec } from '../store/records.ts';
import type { Store } from '../store/store.ts';
import { announceHere } from './announce.ts';
import { type AppFlags, addAppFlags, givenSpec } from './app-flags.ts';
import type { Context } from './context.ts';
import { examples } from './examples.ts';
import { letGo } from './held.ts';
import { leaveInOrder } from './leave-in-order.ts';
import { mustBeFirst } from './one-process.ts';
import { type OpenedApp, openApp } from './open-app.ts';
import { keepOwnLog } from './own-log.ts';
import { type ReadyPipe, readyPipe } from './ready-pipe.ts';
import { handRunApp, launchedApp, type ServedApp } from './served-app.ts';
import { host, port, seconds, serverId } from './values.ts';

interface Options extends AppFlags {
  readonly port?: number;
  readonly host: string;
  readonly advertise?: string;
  readonly drain: number;
  readonly id?: string;
  readonly spawned?: boolean;
  readonly ofUp?: boolean;
  readonly firstPort?: number;
  readonly replaces?: string;
  readonly held?: boolean;
}

export function addServe(program: Command, context: Context): void {
  const verb = program
    .command('serve')
    .description('run one server in the foreground')
    .usage('[options] [-- program with {port}]')
    .option(
      '--port <port>',
      `exactly this port (default: the first free one from ${defaults.firstServerPort})`,
      port,
    )
    .option('--host <host>', 'listen on this address', host, defaults.serverHost)
    .option('--advertise <host>', 'the name doors reach it by', host)
    .option(
      '--drain <seconds>',
      'how long it may finish requests when it leaves',
      seconds,
      defaults.drainMs,
    )
    .addOption(new Option('--id <id>').argParser(serverId).hideHelp())
    .addOption(new Option('--spawned').hideHelp())
    .addOption(new Option('--of-up').hideHelp())
    .addOption(new Option('--first-port <port>').argParser(port).hideHelp())
    .addOption(new Option('--replaces <id>').argParser(serverId).hideHelp())
    .addOption(new Option('--held').hideHelp())
    .addHelpText('after', examples('meowctl serve --port 3005', 'meowctl serve --app ./server.js'))
    .action((options: Options) => runServe(context, options));
  addAppFlags(verb);
}

/** Runs until the server has left. What goes wrong before it is ready goes to whoever spawned it. */
async function runServe(context: Context, options: Options): Promise<void> {
  const { config, process: host } = context;
  const spawned = options.spawned ?? false;
  await mustBeFirst(context, options);
  if (spawned && options.id !== undefined) keepOwnLog(host, config.home, options.id);
  const given = spawned ? givenSpec(context) : null;
  const held = options.held ? letGo(host) : undefined;
  const hand = spawned ? null : handRunApp(context, options);
  const ready = readyPipe(spawned, host, given?.readyMs, held);
  const { createServerId } = await import('../fleet/server-id.ts');
  const id = options.id ?? createServerId();
  const leave = await announceHere(context, 'server', id);
  try {
    const served = hand ?? launchedApp(context, given ?? catSpec);
    await serveUntilGone(context, served, { ...options, id }, { ready, held });
  } catch (error) {
    ready.fail(error);
    throw error;
  } finally {
    leave();
  }
}

interface Named extends Options {
  readonly id: string;
}

interface Spawner {
  readonly ready: ReadyPipe;
  /** When it lets a server go on that it holds back. */
  readonly held: Promise<void> | undefined;
}

async function serveUntilGone(
  context: Context,
  { spec, env }: ServedApp,
  options: Named,
  spawner: Spawner,
): Promise<void> {
  const { store } = await context.openStore({ persistent: true });
  try {
    const app = await openApp(context, spec, env);
    await serveApp(context, store, app, spec, options, spawner).finally(app.leave);
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
  { ready, held }: Spawner,
): Promise<void> {
  const [{ serve }, { thisMachine }, { holdKeepers }] = await Promise.all([
    import('../server/serve.ts'),
    import('../fleet/process-identity.ts'),
    import('../fleet/hold-keepers.ts'),
  ]);
  await held;
  const wanted = options.spawned ? await ownIntent(context, store, spec, options) : null;
  const leaving = leaveInOrder(context.process, options.drain);
  const server = await serve(
    {
      store,
      wanted,
      onRegister: leaving.registers,
      onFail: ready.fail,
      uploads: { folder: join(context.config.home, 'tmp') },
      log: context.output.talk,
      ...app,
    },
    {
      id: options.id,
      spec,
      version: context.version,
      folder: app.folder,
      listenHost: options.host,
      fixedPort: options.port ?? null,
      firstPort: options.firstPort ?? null,
      replaces: options.replaces ?? null,
      advertise: options.advertise ?? context.config.advertise,
      machine: thisMachine(context.config.home),
      drainMs: options.drain,
    },
  );
  const { id, url } = server.record();
  context.output.talk(`${id} serves ${url}`);
  ready.tell(server.record());
  if (options.spawned) holdKeepers(context.config.home, id, performance.now());
  leaving.serves(server);
  if ((await server.ended) !== 'retired') context.exitWith(exitCodes.failed);
}

async function ownIntent(
  { config }: Context,
  { registry, intents }: Store,
  spec: AppSpec,
  options: Options,
) {
  const { OwnIntent } = await import('../fleet/own-intent.ts');
  const { home, namespace } = config;
  return new OwnIntent(
    { home, namespace, registry, intents },
    {
      spec,
      fixedPort: options.port !== undefined,
      listenHost: options.host,
      advertise: options.advertise ?? config.advertise,
      ofUp: options.ofUp ?? false,
      replaces: options.replaces ?? null,
    },
  );
}
