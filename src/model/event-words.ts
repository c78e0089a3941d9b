import type { EventKind, FleetEvent } from './event.ts';

const ofServer: Partial<Record<EventKind, string>> = {
  spawned: 'was spawned',
  ready: 'is ready',
  ordered: 'was told to leave',
  drained: 'has finished its requests',
  gone: 'is gone',
  lost: 'was found lost',
  ejected: 'was taken out of use',
  back: 'is in use again',
  revived: 'was started again',
  crashed: 'crashed too often and was given up',
};

const ofActor: Partial<Record<EventKind, string>> = {
  'restart-begun': 'began',
  'restart-ended': 'is over',
  scaled: 'ordered',
  'redis-away': 'cannot reach Redis',
  'redis-back': 'has Redis again',
  'door-opened': 'opened',
  'door-closed': 'closed',
};

const restartedBy: typeof ofActor = {
  'restart-begun': 'began a restart',
  'restart-ended': 'has ended its restart',
};

/** What a server does without anybody's order. */
const ITSELF = 'itself';

/**
 * What happened, without when: `k3x9ab was told to leave by destroy (ann on web1): the last one`, or
 * `door ab12cd (on web1) cannot reach Redis`.
 * @param here the name of the reader's own host, which goes without saying
 */
export function eventInWords(event: FleetEvent, here = ''): string {
  const { kind, server, by, why } = event;
  const because = why === '' ? '' : `: ${why}`;
  const done = ofServer[kind];
  if (done === undefined) return `${actorInWords(event, here)} ${actedInWords(event)}${because}`;
  const whom = by === null || by === ITSELF ? '' : ` by ${by}`;
  return `${server ?? 'a server'} ${done}${whom}${whose(event, here)}${because}`;
}

function actedInWords({ kind, by }: FleetEvent): string {
  const words = ofActor[kind] ?? kind;
  // `restart is over`; but `top` and the page go on when one that they began is.
  return by === 'restart' ? words : (restartedBy[kind] ?? words);
}

type Actor = Pick<FleetEvent, 'by' | 'user' | 'host'>;

/** `destroy (ann on web1)`, or `destroy (ann)` on that host itself. */
export function actorInWords(event: Actor, here = ''): string {
  return `${event.by ?? 'somebody'}${whose(event, here)}`;
}

function whose({ user, host }: Omit<Actor, 'by'>, here: string): string {
  const isElsewhere = host !== null && host !== here;
  const place = [user ?? '', isElsewhere ? `on ${host}` : ''].filter(Boolean).join(' ');
  return place === '' ? '' : ` (${place})`;
}

/** Why a server is started, where it is to serve instead of another. */
export function inPlaceOf(id: string): string {
  return `in place of ${id}`;
}

/** Why, of a server that is ready; it has no port where it takes no requests. */
export function readyWhy(port: number | null, ms: number): string {
  return `${port === null ? '' : `on port ${port}, `}after ${Math.round(ms)} ms`;
}

/** The port of a server that became ready; null where the event does not tell. */
export function portOfReady({ kind, why }: Pick<FleetEvent, 'kind' | 'why'>): number | null {
  const [, port] = /^on port (\d{1,5}), /.exec(why) ?? [];
  return kind === 'ready' && port !== undefined ? Number(port) : null;
}
