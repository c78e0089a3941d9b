import { FailedError, type MeowError, NothingError } from '../../errors.ts';
import { identify, isAliveHere, isOfHost } from '../../process/identity.ts';
import { dropDesired } from '../../state/desired-files.ts';
import { findTargets, isUp, type KnownServer, takesRequests } from '../targets/servers.ts';
import { type Job, nameOf } from './destroy-run.ts';
import { orderSuccessors } from './successors.ts';

/** Orders out what was asked for: a random one, those named, or all. */
export async function order(job: Job): Promise<{ ordered: KnownServer[]; refused: MeowError[] }> {
  if (!job.all && job.targets.length === 0) {
    return { ordered: [await orderRandom(job)], refused: [] };
  }
  const { targets, known, machine } = job;
  const chosen = job.all ? [...known] : findTargets(targets, known, machine, identify);
  if (!job.all && !job.force) return orderSome(job, chosen);
  await orderAll(job, chosen);
  return { ordered: chosen, refused: [] };
}

/**
 * Never one that takes no requests: such a worker goes by its name. What somebody else is taking out,
 * or took out since, does not count: then it is another one.
 */
async function orderRandom(job: Job): Promise<KnownServer> {
  for (const server of shuffle(job.known.filter(takesRequests))) {
    const outcome = await orderUnlessLast(job, server);
    if (outcome === 'last' && !job.force) throw lastServer(server);
    if (outcome === 'last') await orderAll(job, [server]);
    if (outcome === 'last' || outcome === 'ordered') return server;
  }
  const remedy = job.known.some(isUp)
    ? 'Name a worker by its id, or use --all: see `meowctl ls`'
    : 'Start one with `meowctl spawn`';
  throw new NothingError('no server is up', remedy);
}

async function orderSome(job: Job, chosen: readonly KnownServer[]) {
  const up = chosen.filter(takesRequests);
  const [first] = up;
  if (first && up.length === job.known.filter(takesRequests).length) throw lastServer(first);
  const ordered = chosen.filter((server) => !takesRequests(server));
  const refused: MeowError[] = [];
  await orderAll(job, ordered);
  for (const server of up) {
    const outcome = await orderUnlessLast(job, server);
    if (outcome === 'last') refused.push(lastServer(server));
    else ordered.push(server);
    if (outcome === 'gone') await orderAll(job, [server]);
  }
  return { ordered, refused };
}

/** Only what does not run can have been started again. */
export function orderTheirSuccessors(
  job: Job,
  named: readonly KnownServer[],
): Promise<KnownServer[]> {
  const dead = named.filter(({ record }) => !isAliveHere(record, job.machine));
  const fleet = () => job.registry.fleet();
  return orderSuccessors({ fleet, order: (servers) => orderAll(job, servers) }, dead);
}

async function orderUnlessLast(job: Job, server: KnownServer) {
  const { registry, drainMs } = job;
  const outcome = await registry.orderRetireUnlessLast(server.id, drainMs, !isOurs(job, server));
  if (outcome !== 'last' && outcome !== 'gone' && isOurs(job, server))
    dropDesired(job.home, server.id);
  return outcome;
}

async function orderAll(job: Job, servers: readonly KnownServer[]): Promise<void> {
  await writeOrders(job, servers);
  for (const server of servers) if (isOurs(job, server)) dropDesired(job.home, server.id);
}

/** What is wanted elsewhere is told to that host, however long it is off. */
export async function writeOrders(
  job: Job,
  servers: readonly KnownServer[],
  again = false,
): Promise<void> {
  const { registry, drainMs } = job;
  const ids = (ours: boolean) =>
    servers.filter((server) => isOurs(job, server) === ours).map(({ id }) => id);
  await registry.orderRetire(ids(true), drainMs, false, again);
  await registry.orderRetire(ids(false), drainMs, true, again);
}

function isOurs({ machine }: Job, { record }: KnownServer): boolean {
  return isOfHost(record, machine);
}

function lastServer(server: KnownServer): FailedError {
  const message = `${nameOf(server)} is the last one`;
  return new FailedError('last-server', message, 'Use --force to take the last one too');
}

function shuffle<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
