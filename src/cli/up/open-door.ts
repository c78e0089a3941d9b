import { type Command, Option } from 'commander';
import type { Admin } from '../../admin/admin.ts';
import { defaults } from '../../defaults.ts';
import { inTurn, UsageError } from '../../errors.ts';
import { nameHolder } from '../../process/port-holder.ts';
import type { Door } from '../../proxy/door.ts';
import type { DoorOptions } from '../../proxy/options.ts';
import type { Workers } from '../../proxy/workers/workers.ts';
import type { Context, OpenStore } from '../context/context.ts';
import { addDoorFlags, doorLimits } from '../flags/door-flags.ts';
import { addEngineFlags, type EngineFlags } from '../flags/engine-flags.ts';
import { addTlsFlags, certificateFiles, checkTlsFlags, type TlsFlags } from '../flags/tls-flags.ts';
import { balance, host, hostName, port, retryPolicy, workers } from '../flags/values.ts';
import { accessLog, isLogged } from './access-log.ts';
import { type AdminFlags, adminIn, adminUrl, openAdmin, type ShownDoor } from './open-admin.ts';
import { alsoOurs, doorUrl, openRedirect, type Redirect, secureSide } from './open-tls.ts';
import type { OpenedDoor, Opening } from './opened-door.ts';
import { placesOf } from './places.ts';

export interface DoorFlags extends AdminFlags, TlsFlags, EngineFlags {
  readonly port: number;
  readonly host: string;
  readonly balance: 'round-robin' | 'least-inflight';
  readonly retry: 'idempotent' | 'connect';
  readonly allowBackends?: string[];
  readonly trustProxy?: string[];
  readonly accessLog?: boolean;
  readonly sticky?: boolean;
  /** Processes that it is made of. */
  readonly workers: number;
  readonly takeOver?: boolean;
  /** False where nothing is counted. */
  readonly figures: boolean;
}

/** The flags that `proxy` and `up` share. */
export function addDoorOptions(command: Command): Command {
  command
    .option('--port <port>', "the door's port", port, defaults.doorPort)
    .option('--host <host>', "the door's address", host, defaults.doorHost)
    .option('--balance <how>', 'round-robin or least-inflight', balance, defaults.balance)
    .option('--sticky', 'a client stays with its server, by a cookie: for sessions in its memory')
    .option(
      '--retry <when>',
      'idempotent or connect: what is tried again',
      retryPolicy,
      defaults.retry,
    )
    .option(
      '--workers <count>',
      'processes that share the work, or cores: one for each core; SIGHUP replaces them',
      workers,
      defaults.workers,
    )
    .option('--admin-port <port>', 'port of the admin listener', port, defaults.adminPort)
    .option('--admin-host <host>', 'its address', host, defaults.adminHost)
    .option('--no-admin', 'no admin listener')
    .option(
      '--admin-allow-host <names...>',
      'other names that the admin listener is asked by',
      hostName,
    )
    .option('--allow-backends <networks...>', 'where servers may be (default: loopback)')
    .option('--trust-proxy <networks...>', 'peers whose X-Forwarded-* are believed')
    .option('--take-over', 'take the place of the one that runs here: no request fails')
    .option('--access-log', 'a line per request even where stdout is no terminal');
  // For `npm run bench -- metrics` alone.
  command.addOption(new Option('--no-figures').hideHelp());
  return addDoorFlags(addTlsFlags(addEngineFlags(command)));
}

/** @throws UsageError for flags that contradict each other */
export async function checkDoorFlags(flags: DoorFlags): Promise<void> {
  checkTlsFlags(flags, flags.port);
  const { sticky, balance: how } = flags;
  if (flags.engine === 'haproxy' || flags.threads !== undefined) {
    const { checkEngineFlags } = await import('./open-engine.ts');
    checkEngineFlags(flags);
  }
  if (!sticky || how === 'round-robin') return;
  const message = `--sticky does not go with --balance ${how}: who stays is not balanced`;
  throw new UsageError(message, 'Leave out one of the two');
}

/** Opens the door and its admin listener. */
export async function openDoor(
  context: Context,
  open: OpenStore,
  flags: DoorFlags,
  opening: Opening,
): Promise<OpenedDoor> {
  const { startMs, sockets } = opening;
  if (flags.engine === 'haproxy') {
    const { openEngine } = await import('./open-engine.ts');
    return openEngine(context, open, flags, opening);
  }
  const [{ createDoor }, { doorOptions }, { thisMachine }, { keptStickyKey }] = await Promise.all([
    import('../../proxy/door.ts'),
    import('../../proxy/options.ts'),
    import('../../process/identity.ts'),
    import('../../state/sticky-key.ts'),
  ]);
  const { store } = open;
  const machine = thisMachine(context.config.home);
  const options = doorOptions({
    ...doorLimits(flags),
    ...(startMs === null ? {} : { starting: true, readyTimeoutMs: startMs }),
    host: flags.host,
    port: flags.port,
    open: sockets.door,
    balance: flags.balance,
    retry: flags.retry,
    figures: flags.figures,
    alsoOurs: alsoOurs(flags),
    ...(flags.allowBackends ? { allowBackends: flags.allowBackends } : {}),
    ...(flags.trustProxy ? { trustProxy: flags.trustProxy } : {}),
  });
  const workers = await workersOf(context, flags);
  const log = (line: string) => context.output.talk(`meowctl: ${line}`);
  const door = createDoor(
    {
      registry: store.registry,
      pictures: store.images,
      stickyKey: flags.sticky ? keptStickyKey(context.config.home, context.config.namespace) : null,
      machine: { host: machine.host, pid: machine.pid, ...adminIn(flags) },
      onAnswer: workers ? null : await accessLog(context, flags),
      secure: await secureSide(flags, log),
      log,
    },
    options,
    workers?.open,
  );
  const shown = { door, open, machine, url: doorUrl(flags) };
  const opened = await openAll(context, shown, flags, options, opening);
  return { ...opened, roll: workers?.roll ?? null };
}

/** Null where one process does all. */
async function workersOf(context: Context, flags: DoorFlags): Promise<Workers | null> {
  if (flags.workers === 1) return null;
  const { openWorkers } = await import('./open-workers.ts');
  const overTls = certificateFiles(flags).length > 0;
  return openWorkers(context, flags.workers, { accessLog: isLogged(context, flags), overTls });
}

async function openAll(
  context: Context,
  shown: ShownDoor & { readonly door: Door },
  flags: DoorFlags,
  options: DoorOptions,
  { sockets, inherited }: Opening,
): Promise<Omit<OpenedDoor, 'roll'>> {
  const { door, url } = shown;
  const { handOverIdleMs: idleMs, activatedIdleMs } = defaults;
  const lastMs = inherited.includes('door') ? activatedIdleMs : 0;
  let admin: Admin | null = null;
  let redirect: Redirect | null = null;
  try {
    if (flags.admin) admin = await openAdmin(context, shown, flags, sockets.admin);
    redirect = await openRedirect(flags, options, sockets.redirect);
    await door.open();
  } catch (error) {
    admin?.close();
    door.cut();
    await redirect?.close(0);
    throw await nameHolder(error, flags.port, 'Choose another with --port');
  }
  return {
    url,
    adminUrl: adminUrl(flags),
    redirectUrl: redirect?.url ?? null,
    started: door.started,
    places: placesOf(flags),
    socket: (name) =>
      ({ door: door.socket, admin: admin?.socket, redirect: redirect?.socket })[name] ?? null,
    close: (deadlineMs) =>
      inTurn([
        () => admin?.stopChanges(),
        () => Promise.all([door.close(deadlineMs, lastMs), redirect?.close()]),
        () => admin?.close(),
      ]),
    leave: (deadlineMs) =>
      inTurn([
        () => admin?.leave(),
        () => admin?.stopChanges(),
        () => Promise.all([door.close(deadlineMs, idleMs), redirect?.close(idleMs)]),
        () => admin?.close(),
      ]),
  };
}
