import { httpUrl } from '../../address.ts';
import type { Admin } from '../../admin/admin.ts';
import { debug } from '../../debug.ts';
import { defaults } from '../../defaults.ts';
import type { EngineOptions } from '../../engine/config/engine-options.ts';
import type { EngineDoor } from '../../engine/engine-door.ts';
import { isNetwork } from '../../engine/verify.ts';
import { engineDefaults } from '../../engine-defaults.ts';
import { inTurn, UsageError } from '../../errors.ts';
import { only } from '../../model/variables.ts';
import { nameHolder } from '../../process/port-holder.ts';
import { keptStickyKey } from '../../state/sticky-key.ts';
import { quote } from '../../text.ts';
import type { Context, OpenStore } from '../context/context.ts';
import { doorLimits } from '../flags/door-flags.ts';
import { certificateFiles } from '../flags/tls-flags.ts';
import { accessLog } from './access-log.ts';
import { adminAddress, adminIn, adminUrl, openAdmin } from './open-admin.ts';
import type { DoorFlags } from './open-door.ts';
import { alsoOurs, doorUrl } from './open-tls.ts';
import type { OpenedDoor, Opening } from './opened-door.ts';

/** Opens a door on HAProxy and its admin listener; or takes over the HAProxy that runs on its port. */
export async function openEngine(
  context: Context,
  open: OpenStore,
  flags: DoorFlags,
  opening: Opening,
): Promise<OpenedDoor> {
  mustOpenItself(opening);
  const door = await createDoor(context, open, flags, opening);
  const { admin, url } = await openBoth(context, open, door, flags, opening);
  const tellReplaced = () =>
    context.output.talk('another process looks after HAProxy now, which serves on: this one ends');
  return {
    ...{ url, adminUrl: adminUrl(flags), replaced: door.replaced.then(tellReplaced) },
    redirectUrl: flags.redirectHttp === undefined ? null : httpUrl(flags.host, flags.redirectHttp),
    started() {},
    roll: null,
    // The door's socket is HAProxy's, and so are the clients.
    places: flags.admin ? { admin: adminAddress(flags) } : {},
    socket: (name) => (name === 'admin' ? (admin?.socket ?? null) : null),
    close: (deadlineMs) =>
      inTurn([() => admin?.stopChanges(), () => door.close(deadlineMs), () => admin?.close()]),
    leave: (deadlineMs) =>
      inTurn([
        () => admin?.leave(),
        () => admin?.stopChanges(),
        () => door.leave(deadlineMs),
        () => admin?.close(),
      ]),
  };
}

async function createDoor(
  context: Context,
  { store: { registry, images } }: OpenStore,
  flags: DoorFlags,
  { older }: Opening,
): Promise<EngineDoor> {
  const [engine, { findHaproxy }, { thisMachine }, { fleetName }, { fleetOf }, { LOOPBACK }] =
    await Promise.all([
      import('../../engine/engine-door.ts'),
      import('../../engine/program.ts'),
      import('../../process/identity.ts'),
      import('../../process/our-process.ts'),
      import('../context/fleet-here.ts'),
      import('../../proxy/options.ts'),
    ]);
  const { config, output } = context;
  const { home, childEnv: env, redisUrl, namespace } = config;
  const deps = {
    ...{ home, env: engineEnv(home, env), registry, pictures: images, older },
    program: findHaproxy(env, engineDefaults.leastHaproxy),
    machine: { ...thisMachine(home), ...adminIn(flags) },
    alsoOurs: alsoOurs(flags),
    fleet: fleetName(redisUrl, namespace),
    isOurFleet: await fleetOf(config),
    stickyKey: flags.sticky ? keptStickyKey(home, namespace) : null,
    onAnswer: await accessLog(context, flags),
    log: (line: string) => output.talk(`meowctl: ${line}`),
  };
  const isLogged = deps.onAnswer !== null || debug.proxy !== null;
  return engine.createEngineDoor(deps, engineOptions(flags, LOOPBACK, isLogged));
}

// HAProxy binds the port by itself, and again at each start.
function mustOpenItself({ inherited }: Opening): void {
  if (!inherited.includes('door')) return;
  const message = 'the port of --engine haproxy cannot be a socket that systemd holds';
  throw new UsageError(message, 'Disable its socket unit, or leave out --engine haproxy');
}

async function openBoth(
  context: Context,
  open: OpenStore,
  door: EngineDoor,
  flags: DoorFlags,
  { sockets }: Opening,
) {
  const { thisMachine } = await import('../../process/identity.ts');
  const url = doorUrl(flags);
  const machine = thisMachine(context.config.home);
  let admin: Admin | null = null;
  try {
    const shown = { door, open, machine, url };
    if (flags.admin) admin = await openAdmin(context, shown, flags, sockets.admin);
    await door.open();
  } catch (error) {
    admin?.close();
    door.giveUp();
    throw await nameHolder(error, flags.port, 'Choose another with --port');
  }
  return { admin, url };
}

function engineOptions(
  flags: DoorFlags,
  loopback: readonly string[],
  isLogged: boolean,
): EngineOptions {
  return {
    ...defaults,
    ...engineDefaults,
    ...doorLimits(flags),
    host: flags.host,
    port: flags.port,
    threads: flags.threads ?? engineDefaults.threads,
    balance: flags.balance,
    retry: flags.retry,
    allowBackends: flags.allowBackends ?? loopback,
    trustProxy: flags.trustProxy ?? [],
    accessLog: isLogged,
    sticky: flags.sticky === true,
    certificates: certificateFiles(flags),
    redirectPort: flags.redirectHttp ?? null,
    hstsSeconds: flags.hsts ?? null,
    drainMs: Number(flags.drainTimeout ?? defaults.drainMs),
  };
}

const KEPT = ['PATH', 'LANG', 'TZ'];

/** It needs none of our settings, and no password in reach; the folder says whose it is. */
function engineEnv(home: string, env: Readonly<Record<string, string>>) {
  return { ...only(env, (name) => KEPT.includes(name)), MEOW_HOME: home };
}

/** What the embedded door can and a door on HAProxy cannot, as its flag. */
const lacks: readonly (readonly [flag: string, isAsked: (flags: DoorFlags) => boolean])[] = [
  ['--workers', ({ workers }) => workers !== 1],
  ['--stream-drain', ({ streamDrain }) => streamDrain !== defaults.streamDrainMs],
  ['--request-timeout', ({ requestTimeout }) => requestTimeout !== defaults.clientRequestMs],
];

/** @throws UsageError for what does not go with the engine that is asked for */
export function checkEngineFlags(flags: DoorFlags): void {
  if (flags.engine !== 'haproxy') {
    if (flags.threads === undefined) return;
    throw new UsageError('--threads is for --engine haproxy', 'Leave it out: the door has one');
  }
  const lacking = lacks.find(([, isAsked]) => isAsked(flags));
  if (lacking) {
    const message = `${lacking[0]} with --engine haproxy is not supported yet`;
    throw new UsageError(message, 'Leave out one of the two');
  }
  const wrong = flags.trustProxy?.find((entry) => !isNetwork(entry));
  if (wrong === undefined) return;
  const message = `--trust-proxy ${quote(wrong)} is neither an address nor a network: HAProxy wants one`;
  throw new UsageError(message, 'Use one such as 10.0.0.0/8');
}
