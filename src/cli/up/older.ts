import { defaults } from '../../defaults.ts';
import { FailedError } from '../../errors.ts';
import { findOlder, type Older } from '../../handover/ask.ts';
import type { Places, SocketName } from '../../handover/conversation.ts';
import { inheritedSockets } from '../../handover/inherited.ts';
import type { OpenSocket } from '../../listen.ts';
import { identify, thisMachine } from '../../process/identity.ts';
import type { Running } from '../../process/our-process.ts';
import { listenerAt, portPids } from '../../process/port-holder.ts';
import { until } from '../../time/until.ts';
import type { Context } from '../context/context.ts';
import { fleetHere } from '../context/fleet-here.ts';
import type { DoorFlags } from './open-door.ts';
import type { OpenSockets } from './opened-door.ts';
import { placed, sharedSockets, withPlaces } from './places.ts';
import { helperOf } from './successor.ts';

/** How a door begins: with sockets that listen already, or in the place of an older one. */
export interface Beginning<F> {
  /** As they were given; where the sockets are somebody else's, with their ports. */
  readonly flags: F;
  readonly sockets: OpenSockets;
  /** Of these, those that came from elsewhere. */
  readonly inherited: readonly SocketName[];
  /** It waits to hear that all serves here. */
  readonly older: Older | null;
}

type Kind = 'up' | 'proxy';

const LOOK_MS = 4;
/** A killed process closes its files first: of a busy machine it is seen for some 20 ms more. */
const ENDING_MS = 1_000;

const names: Readonly<Record<Kind, string>> = {
  up: 'the `meowctl up` that runs here',
  proxy: 'the door that runs here',
};

/** @throws FailedError where one runs here that cannot hand over */
export async function begin<F extends DoorFlags>(
  context: Context,
  kind: Kind,
  given: F,
): Promise<Beginning<F>> {
  const activated = withInherited(context, given);
  if (!given.takeOver) return activated;
  const older = await findHere(context, kind, activated.flags.port);
  if (older === null) return activated;
  try {
    const flags = placed(older, activated.flags, activated.inherited);
    const sockets = { ...socketsOf(older, flags), ...activated.sockets };
    await older.ask(context.process.pid);
    const inherited = [...activated.inherited, ...older.inherited];
    return { flags, sockets, inherited, older };
  } catch (error) {
    older.close();
    throw error;
  }
}

/** Whether an older one that says no more has ended: then nothing is left to wait for. */
export async function hasEnded({ pid }: Pick<Older, 'pid'>): Promise<boolean> {
  const isGone = () => identify(pid) === null;
  return (await until(isGone, { everyMs: LOOK_MS, withinMs: ENDING_MS })) !== null;
}

function withInherited<F extends DoorFlags>({ config, process }: Context, given: F): Beginning<F> {
  const found = inheritedSockets(config.activation, process.pid, listenerAt);
  const sockets = Object.fromEntries(found.map(({ name, open }) => [name, open])) as OpenSockets;
  const places = Object.fromEntries(found.map((each) => [each.name, each])) as Places;
  const inherited = found.map(({ name }) => name);
  return { flags: withPlaces(given, places), sockets, inherited, older: null };
}

async function findHere(context: Context, kind: Kind, port: number): Promise<Older | null> {
  const { ours, others } = await fleetHere(context);
  if (kind === 'proxy') return findDoor(context, ours, port);
  const { findUp } = await import('../../fleet/up/mark.ts');
  const { home, namespace } = context.config;
  const mark = findUp(home, thisMachine(home));
  const up = mark && [...ours, ...others].find(({ pid }) => pid === mark.pid);
  if (!up) return null;
  if (up.handOver !== undefined && up.namespace !== namespace) throw ofAnotherFleet(up);
  return connect(context, up, 'up');
}

async function findDoor(
  context: Context,
  ours: readonly Running[],
  port: number,
): Promise<Older | null> {
  const holders = portPids(port);
  const holds = ({ pid }: Running) => holders.includes(pid);
  const up = ours.find((each) => each.kind === 'up' && holds(each));
  if (up) throw ofUp(port, up);
  const door = ours.find((each) => each.kind === 'proxy' && holds(each));
  return door ? connect(context, door, 'proxy') : null;
}

async function connect(context: Context, { pid, handOver }: Running, kind: Kind): Promise<Older> {
  const name = `${names[kind]} (pid ${pid})`;
  const { handOverAnswerMs: answerMs, handOverMs: handMs } = defaults;
  const settings = { helper: helperOf(context), answerMs, handMs };
  if (handOver !== undefined) return findOlder(handOver, name, settings);
  const message = `${name} is of a version that cannot hand over`;
  const remedy = `End it (kill ${pid}), then start this; from then on --take-over works`;
  throw new FailedError('hand-over', message, remedy);
}

function socketsOf(older: Older, flags: DoorFlags): OpenSockets {
  const shared = sharedSockets(older.places, flags);
  return Object.fromEntries(shared.map((name) => [name, socketOf(older, name)]));
}

// Where the older one ends meanwhile the port is free, and is taken as ever.
function socketOf(older: Older, name: SocketName): OpenSocket {
  const place = older.places[name];
  return async (server, backlog) => {
    try {
      await older.open(name)(server, backlog);
    } catch (error) {
      if (!place || !(await hasEnded(older))) throw error;
      server.listen({ host: place.host, port: place.port, backlog });
    }
  };
}

function ofUp(port: number, { pid }: Running): FailedError {
  const message = `the door on port ${port} belongs to \`meowctl up\` (pid ${pid})`;
  return new FailedError('hand-over', message, 'Use `meowctl up --take-over`');
}

function ofAnotherFleet({ pid, namespace }: Running): FailedError {
  const message = `the \`meowctl up\` that runs here (pid ${pid}) is of another fleet (namespace ${namespace})`;
  return new FailedError('hand-over', message, 'End it, or set MEOW_NAMESPACE as it was there');
}
