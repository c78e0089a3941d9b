import { type Command, Option } from 'commander';
import { defaults } from '../config.ts';
import { FailedError, StoreError } from '../errors.ts';
import type { BroughtUp } from '../fleet/bring-up.ts';
import type { Keeper } from '../fleet/keeper.ts';
import { parseRedisUrl } from '../store/redis-url.ts';
import type { AppSpec, FleetView, Registry, ServerRecord } from '../store/types.ts';
import { type AppFlags, addAppFlags, appSpec, givenSpec, splitProgram } from './app-flags.ts';
import { serverProgram } from './children.ts';
import type { Context, OpenStore } from './context.ts';
import { examples } from './examples.ts';
import { startKeeper } from './keep.ts';
import { addDoorOptions, type DoorFlags, type OpenedDoor, openDoor } from './open-door.ts';
import { stopSignal } from './proxy.ts';
import { readyPipe } from './ready-pipe.ts';
import { sealed } from './sealed.ts';
import { tellFailures } from './tell-failures.ts';
import { seconds, size } from './values.ts';

interface Options extends DoorFlags, AppFlags {
  readonly number?: number;
  readonly timeout: number;
  readonly detach?: boolean;
  readonly detached?: boolean;
}

const UP_READY_MS = 60_000;

export function addUp(program: Command, context: Context): void {
  const verb = program
    .command('up')
    .description('local Redis if needed, the fleet and the door, until Ctrl-C')
    .usage('[options] [-- program with {port}]')
    .option('-n, --number <count>', 'servers on this host (default: those it had, else 2)', size)
    .option(
      '--timeout <seconds>',
      'how long requests may finish at the end',
      seconds,
      defaults.drainMs,
    )
    .option('--detach', 'in the background')
    .addOption(new Option('--detached').hideHelp())
    .addHelpText(
      'after',
      examples('meowctl up', 'meowctl up -n 4 --detach', 'meowctl up --app ./server.js'),
    )
    .action((options: Options) => up(context, options));
  addAppFlags(verb);
  addDoorOptions(verb);
}

async function up(context: Context, options: Options): Promise<void> {
  await refuseSecond(context);
  const spec = await whatToServe(context, options);
  if (options.detach) return detach(context, spec);
  const ready = readyPipe(options.detached ?? false, context.process, UP_READY_MS);
  try {
    await run(context, spec, options, ready.tell);
  } catch (error) {
    ready.fail(error);
    throw error;
  }
}

// In the background it hears from who started it: a variable has no place on a command line.
async function whatToServe(context: Context, options: Options): Promise<AppSpec | null> {
  if (options.detached) return context.config.app === null ? null : givenSpec(context);
  return sealed(context, appSpec(context, options));
}

async function refuseSecond({ config }: Context): Promise<void> {
  const { findUp } = await import('../fleet/up-mark.ts');
  const other = findUp(config.home);
  if (!other) return;
  const message = `meowctl up already runs here (pid ${other.pid})`;
  throw new FailedError('already-up', message, 'End it with `meowctl down`');
}

async function run(
  context: Context,
  spec: AppSpec | null,
  options: Options,
  tellReady: (value: object) => void,
) {
  const [
    { bringUp },
    { sweepLogs },
    { stopServers },
    { thisMachine },
    mark,
    { prepareStateFolder },
  ] = await Promise.all([
    import('../fleet/bring-up.ts'),
    import('../fleet/log-sweep.ts'),
    import('../fleet/stop.ts'),
    import('../fleet/process-identity.ts'),
    import('../fleet/up-mark.ts'),
    import('../fleet/state-folder.ts'),
  ]);
  const { home } = context.config;
  const machine = thisMachine();
  const stopping = new AbortController();
  const stopped = stopSignal(context.process).then(() => stopping.abort());
  prepareStateFolder(home);
  const open = await context.openStore({ start: true, persistent: true });
  mark.writeUpMark(home, machine);
  const { registry } = open.store;
  let door: OpenedDoor | null = null;
  let keeper: Keeper | null = null;
  const ours: ServerRecord[] = [];
  try {
    // The door first: a port that is taken is known before any server starts.
    door = await openDoor(context, open, options);
    const deps = { registry, machine, ...serverProgram(context, open) };
    await sweepLogs(home, registry);
    const fleet = await bringUp(deps, {
      count: options.number ?? null,
      spec,
      signal: stopping.signal,
    });
    ours.push(...fleet.started);
    tellFailures(fleet.failed, context, `${fleet.serving.length} servers serve`);
    tellWhere(context, open, door, fleet);
    keeper = await startKeeper(context, open, (record) => ours.push(record));
    tellReady({ url: door.url, servers: fleet.serving.length });
    await stopped;
    context.output.talk('stopping: keeper, door, servers');
  } finally {
    await keeper?.stop();
    await door?.close(options.timeout);
    await stopServers(ours, options.timeout);
    await tellWhatStays(context, registry, machine.host);
    mark.removeUpMark(home);
    await open.store.close();
  }
}

function tellWhere({ output }: Context, { url }: OpenStore, door: OpenedDoor, fleet: BroughtUp) {
  output.talk(`Redis    ${parseRedisUrl(url).label}`);
  const byPort = [...fleet.serving].sort((a, b) => a.port - b.port);
  for (const { id, url: at } of byPort) output.talk(`server   ${at}  ${id}`);
  output.talk(`door     ${door.url}`);
  if (door.adminUrl) output.talk(`admin    ${door.adminUrl}/servers`);
  output.talk('Ctrl-C stops the door and the servers it started; `meowctl down` ends everything');
}

async function tellWhatStays({ output }: Context, registry: Registry, host: string) {
  const { servers } = await registry.fleet().catch(nothingKnown);
  const here = servers.filter(({ record }) => record.host === host && record.state === 'up');
  if (here.length === 0) return;
  const stays =
    here.length === 1 ? '1 spawned server stays' : `${here.length} spawned servers stay`;
  output.talk(`${stays}; \`meowctl down\` ends everything`);
}

// Redis is gone: who stays cannot be told, and need not.
function nothingKnown(error: unknown): Pick<FleetView, 'servers'> {
  if (error instanceof StoreError) return { servers: [] };
  throw error;
}

/** The same command line again, in the background. */
async function detach(context: Context, spec: AppSpec | null): Promise<void> {
  const [{ launch }, { logPath }, { prepareStateFolder }] = await Promise.all([
    import('../fleet/launcher.ts'),
    import('../fleet/logs.ts'),
    import('../fleet/state-folder.ts'),
  ]);
  const { config, cliPath, process: host, output } = context;
  prepareStateFolder(config.home);
  const given = withoutVariables(splitProgram(host.argv).own.slice(2));
  const logFile = logPath(config.home, 'up');
  const said = await launch({
    name: 'meowctl up',
    command: host.execPath,
    args: [cliPath, ...given, '--detached'],
    env: { ...config.childEnv, ...(spec ? { MEOW_APP: JSON.stringify(spec) } : {}) },
    cwd: host.cwd(),
    logFile,
    readyTimeoutMs: UP_READY_MS,
    termGraceMs: defaults.termGraceMs,
    signal: context.interruption(),
  });
  const { url, servers } = said as { url: string; servers: number };
  output.talk(`door     ${url}, ${servers} servers, in the background`);
  output.talk(`log      ${logFile}`);
  output.talk('see `meowctl listservers`; end it with `meowctl down`');
}

function withoutVariables(words: readonly string[]): string[] {
  return words.filter((word, at) => {
    if (word === '--detach' || word === '--env' || word.startsWith('--env=')) return false;
    return words[at - 1] !== '--env';
  });
}
