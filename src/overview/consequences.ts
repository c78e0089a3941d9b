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
function runningHere({ servers }: Pick<Overview, 'servers'>): ServerView[] {
  return servers.filter(
    ({ here, state }) => here && (state === 'up' || state === 'starting' || state === 'lost'),
  );
}

/** Whether nothing is served once this one is gone: its question says so. */
export function isLastUp(id: string, { servers }: Pick<Overview, 'servers'>): boolean {
  const isWorker = servers.some((known) => known.id === id && known.worker);
  return !isWorker && countServing(servers.filter((known) => known.id !== id)) === 0;
}

/** Those that `scale` counts. */
export function servingHere(fleet: Pick<Overview, 'servers'>): ServerView[] {
  return runningHere(fleet).filter(takesRequests);
}

function countServing(servers: readonly ServerView[]): number {
  return servers.filter((server) => server.state === 'up' && takesRequests(server)).length;
}

function takesRequests({ worker }: ServerView): boolean {
  return worker !== true;
}

function spawning(count: number, fleet: Fleet): Question {
  return {
    title: 'Spawn servers',
    text:
      severalApps(`meowctl spawn ${count}`, fleet) ??
      `Starts ${many(count, 'server')} more on ${fleet.door.host}, of the app that runs there. ` +
        `${count === 1 ? 'It gets' : 'Each gets'} requests once it is ready; what runs already goes on untouched.`,
    act: count === 1 ? 'Spawn 1 server' : `Spawn ${count} servers`,
  };
}

function scaling(count: number, fleet: Fleet): Question {
  return {
    title: 'Scale this host',
    text: `${fleet.door.host} runs ${many(servingHere(fleet).length, 'server')}. ${scaled(count, fleet)}`,
    act: `Scale to ${count}`,
    isHarsh: count < servingHere(fleet).length,
  };
}

function scaled(count: number, fleet: Fleet): string {
  if (count === 0) return stoppingAll(fleet);
  const refusal = severalApps(`meowctl scale ${count}`, fleet);
  if (refusal !== null) return refusal;
  const more = count - servingHere(fleet).length;
  if (more === 0) return 'That is as many as you ask for: nothing changes.';
  if (more > 0) return `Starts ${more} more of the app that runs there.`;
  return `Ends the ${many(-more, 'server')} that started last, each when its requests are answered.`;
}

/** Its workers too: no app needs to be named for that. */
function stoppingAll(fleet: Fleet): string {
  const workers = runningHere(fleet).length - servingHere(fleet).length;
  const them = workers === 0 ? 'them' : 'them and what takes no requests';
  const elsewhere = fleet.servers.filter((server) => !server.here);
  return `Stops all of ${them}, each when its requests are answered. ${whatIsLeft(elsewhere)}`;
}

/** The door does not choose between apps, and neither the page nor `top` can name one. */
function severalApps(command: string, fleet: Fleet): string | null {
  const apps = new Set(servingHere(fleet).map(({ app }) => app));
  if (apps.size < 2) return null;
  return (
    `Servers of several apps run on ${fleet.door.host}, so this may be refused: ` +
    `\`${command} --app FILE\` there says which is meant.`
  );
}

function whatIsLeft(others: readonly ServerView[]): string {
  const count = countServing(others);
  return count === 0 ? noneLeft : `${many(count, 'server')} ${count === 1 ? 'goes' : 'go'} on.`;
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
      (fleet.servers.find((known) => known.id === id)?.worker
        ? 'The old one is told to end when the new one runs.'
        : 'The old one leaves when the new one serves, and answers what it has: no request is lost.'),
    act: `Restart ${id}`,
  };
}

function destroying(id: string, fleet: Fleet): Question {
  const server = fleet.servers.find((known) => known.id === id);
  const inflight = server?.inflight ?? 0;
  const requests = inflight === 0 ? '' : `, finishes the ${many(inflight, 'request')} that it has`;
  const others = fleet.servers.filter((known) => known.id !== id);
  const nothingNew = server?.worker ? ' is told to end' : ` gets nothing new${requests} and ends`;
  return {
    title: `Destroy ${id}`,
    text:
      `${nameOf(id, fleet)}${nothingNew}. It is not started again.` +
      (server?.worker ? '' : ` ${whatIsLeft(others)}`),
    act: `Destroy ${id}`,
    isHarsh: true,
  };
}

function nameOf(id: string, { servers }: Fleet): string {
  const server = servers.find((known) => known.id === id);
  if (!server) return id;
  return `${id} (${server.app}${server.worker ? '' : ` at ${server.url}`})`;
}
