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

/** What a server does without anybody's order. */
const ITSELF = 'itself';

/**
 * What happened, without when: `k3x9ab was told to leave by destroy (ann on web1): the last one`, or
 * `door ab12cd (on web1) cannot reach Redis`.
 */
export function eventInWords(event: FleetEvent): string {
  const { kind, server, by, why } = event;
  const because = why === '' ? '' : `: ${why}`;
  const who = by === null ? 'somebody' : by;
  const done = ofServer[kind];
  if (done === undefined) return `${who}${whose(event)} ${ofActor[kind] ?? kind}${because}`;
  const whom = by === null || by === ITSELF ? '' : ` by ${by}`;
  return `${server ?? 'a server'} ${done}${whom}${whose(event)}${because}`;
}

function whose({ user, host }: FleetEvent): string {
  const place = [user ?? '', host === null ? '' : `on ${host}`].filter(Boolean).join(' ');
  return place === '' ? '' : ` (${place})`;
}
