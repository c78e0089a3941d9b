import type { Overview, ServerView } from '../model/overview.ts';
import { many } from './units.ts';

/** What can be changed from the page, and from `top`. */
export type FleetChange =
  | { readonly verb: 'spawn'; readonly count: number }
  | { readonly verb: 'scale'; readonly count: number }
  | { readonly verb: 'restart'; readonly id: string | null }
  | { readonly verb: 'destroy'; readonly id: string };

/** How a dialog asks before it is done. */
export interface Question {
  readonly title: string;
  /** What will happen, in whole sentences. */
  readonly text: string;
  readonly act: string;
  /** Whether something ends by it that is not started again. */
  readonly isHarsh?: boolean;
}

type Fleet = Pick<Overview, 'servers' | 'door'>;

export function question(wanted: FleetChange, fleet: Fleet): Question {
  switch (wanted.verb) {
    case 'spawn':
      return spawning(wanted.count, fleet);
    case 'scale':
      return scaling(wanted.count, fleet);
    case 'restart':
      return wanted.id === null ? rolling(fleet) : restarting(wanted.id, fleet);
    case 'destroy':
      return destroying(wanted.id, fleet);
  }
}

/** The servers of the door's host that run or are about to. */
export function runningHere({ servers }: Pick<Overview, 'servers'>): ServerView[] {
  return servers.filter(
    ({ here, state }) => here && (state === 'up' || state === 'starting' || state === 'lost'),
  );
}

/** Whether nothing is served once this one is gone: its question says so. */
export function isLastUp(id: string, { servers }: Pick<Overview, 'servers'>): boolean {
  return !servers.some((known) => known.id !== id && known.state === 'up');
}

function spawning(count: number, { door }: Fleet): Question {
  return {
    title: 'Spawn servers',
    text:
      `Starts ${many(count, 'server')} more on ${door.host}, of the app that runs there. ` +
      `${count === 1 ? 'It gets' : 'Each gets'} requests once it is ready; what runs already goes on untouched.`,
    act: count === 1 ? 'Spawn 1 server' : `Spawn ${count} servers`,
  };
}

function scaling(count: number, fleet: Fleet): Question {
  return {
    title: 'Scale this host',
    text: `${fleet.door.host} runs ${many(runningHere(fleet).length, 'server')}. ${scaled(count, fleet)}`,
    act: `Scale to ${count}`,
    isHarsh: count < runningHere(fleet).length,
  };
}

function scaled(count: number, fleet: Fleet): string {
  const more = count - runningHere(fleet).length;
  if (more === 0) return 'That is as many as you ask for: nothing changes.';
  if (more > 0) return `Starts ${more} more of the app that runs there.`;
  if (count === 0) return `Stops all of them, each when its requests are answered. ${noneLeft}`;
  return `Ends the ${many(-more, 'server')} that started last, each when its requests are answered.`;
}

const noneLeft = 'Then nothing is served: clients get 503.';

function rolling(fleet: Fleet): Question {
  const count = runningHere(fleet).length;
  return {
    title: 'Restart all servers',
    text:
      `Replaces ${count === 1 ? 'the 1 server' : `each of the ${count} servers`} on ${fleet.door.host} by a new one, ` +
      'one after another. An old one leaves only when the new one serves, and answers what it has: no request is lost.',
    act: 'Restart all',
  };
}

function restarting(id: string, fleet: Fleet): Question {
  return {
    title: `Restart ${id}`,
    text:
      `Starts a new server of the same app in the place of ${nameOf(id, fleet)}. ` +
      'The old one leaves when the new one serves, and answers what it has: no request is lost.',
    act: `Restart ${id}`,
  };
}

function destroying(id: string, fleet: Fleet): Question {
  const server = fleet.servers.find((known) => known.id === id);
  const inflight = server?.inflight ?? 0;
  const requests = inflight === 0 ? '' : `, finishes the ${many(inflight, 'request')} that it has`;
  const others = fleet.servers.filter((known) => known.id !== id && known.state === 'up').length;
  return {
    title: `Destroy ${id}`,
    text:
      `${nameOf(id, fleet)} gets nothing new${requests} and ends. It is not started again. ` +
      (isLastUp(id, fleet)
        ? noneLeft
        : `${many(others, 'server')} ${others === 1 ? 'goes' : 'go'} on.`),
    act: `Destroy ${id}`,
    isHarsh: true,
  };
}

function nameOf(id: string, { servers }: Fleet): string {
  const server = servers.find((known) => known.id === id);
  return server ? `${id} (${server.app} at ${server.url})` : id;
}
