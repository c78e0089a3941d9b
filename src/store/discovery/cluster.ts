import type { Redis } from 'ioredis';
import { isHost, LAST_PORT } from '../../address.ts';
import { StoreError } from '../../errors.ts';
import { reason } from '../../text.ts';
import { withinAwake } from '../../time/awake-timer.ts';
import { openClient } from '../connection/client.ts';
import type { Way } from '../connection/open.ts';
import {
  type ClusterPlace,
  type HostAndPort,
  nameOf,
  type RedisAddress,
} from '../connection/redis-address.ts';
import { isTrouble, storeError } from '../connection/trouble.ts';
import { gather, noneOf } from './gather.ts';

interface ClusterAddress extends RedisAddress {
  readonly place: ClusterPlace;
}

interface Needs {
  readonly connectMs: number;
  readonly key: string;
}

/** What one node knows: who has our keys, and who may have them after a failover, that one first. */
interface Known {
  readonly owner: HostAndPort;
  readonly heirs: readonly HostAndPort[];
}

/** From one node to the next that it names. */
const MAX_HOPS = 5;
/** Of those that were named by the cluster and not by REDIS_URL. */
const MAX_HEIRS = 8;

/**
 * The node of a cluster that has our keys: all lie in one slot. It is asked for one of them, and
 * proves by its answer that they are there. So one plain connection is enough, with its
 * transactions, its scripts and WAIT, and there is nothing of the cluster to be kept up to date.
 */
export function wayOfCluster(address: ClusterAddress, needs: Needs): Way {
  let heirs: readonly HostAndPort[] = [];
  const asks = () =>
    unique([...address.place.nodes, ...heirs]).map(
      (node) => (needless: AbortSignal) => ask(address, node, needs, needless),
    );
  return {
    label: address.label,
    follows: true,
    async dial(needless) {
      const { answers, failures } = await gather(asks(), { needless });
      const owners = unique(answers.map(({ owner }) => owner));
      if (owners.length === 0) throw noneOf(failures, 'no node of the cluster has our keys');
      heirs = unique(answers.flatMap((known) => known.heirs)).slice(0, MAX_HEIRS);
      return openOwner(address, owners, needs, needless);
    },
    async ask() {
      const { answers, failures: troubles } = await gather(asks(), {
        togetherMs: 2 * needs.connectMs,
      });
      const primaries = unique(answers.map(({ owner }) => owner)).map(nameOf);
      return { kind: 'cluster', answered: answers.length, troubles, primaries };
    },
    watch: () => () => {}, // who has our keys no more says so, to whatever is asked
  };
}

async function ask(
  address: ClusterAddress,
  node: HostAndPort,
  needs: Needs,
  needless: AbortSignal,
): Promise<Known> {
  const redis = await open(address, node, needs.connectMs, needless);
  try {
    const asked = Promise.all([
      elsewhere(redis, node, needs),
      redis.cluster('SLOTS').catch(asNone),
      redis.cluster('KEYSLOT', needs.key).catch(asNone),
    ]);
    const late = () => new Error('Command timed out');
    const [owner, slots, slot] = await withinAwake(asked, needs.connectMs, late);
    const heirs = heirsIn(slots, Number(slot), node);
    return { owner: owner ?? heirs[0] ?? node, heirs };
  } catch (cause) {
    if (!isTrouble(cause)) throw cause;
    throw storeError(labelOf(node), cause, true);
  } finally {
    redis.disconnect();
  }
}

// Only who outlives a node needs to know of others, and that right may be missing.
function asNone(cause: unknown): null {
  if (isTrouble(cause)) return null;
  throw cause;
}

/**
 * Where our keys are, if not on this node. One that is about to give them away has them still.
 * @throws what else it says
 */
async function elsewhere(
  redis: Redis,
  node: HostAndPort,
  { key }: Pick<Needs, 'key'>,
): Promise<HostAndPort | null> {
  try {
    await redis.exists(key);
    return null;
  } catch (cause) {
    const [, kind, host = '', port] = /^(MOVED|ASK) \d+ (.*):(\d{1,5})$/.exec(reason(cause)) ?? [];
    if (kind === 'ASK') return null;
    const to = { host: isHost(host) ? host : node.host, port: Number(port) };
    if (kind === 'MOVED' && to.port > 0 && to.port <= LAST_PORT) return to;
    throw cause;
  }
}

function heirsIn(slots: unknown, slot: number, node: HostAndPort): HostAndPort[] {
  const ranges = (Array.isArray(slots) ? slots : []) as readonly (readonly unknown[])[];
  const ours = ranges.filter(([from, to]) => Number(from) <= slot && slot <= Number(to));
  return ours
    .flatMap(([, , ...nodes]) => nodes)
    .flatMap((each) => {
      const [host, port] = Array.isArray(each) ? (each as unknown[]) : [];
      // A node that does not know its own address leaves it out: it is where it was asked.
      const named = host === null || host === '' ? node.host : String(host);
      return isHost(named) ? [{ host: named, port: Number(port) }] : [];
    });
}

/** The first of these that has our keys, or leads to who has. */
async function openOwner(
  address: ClusterAddress,
  owners: readonly HostAndPort[],
  needs: Needs,
  needless: AbortSignal | undefined,
): Promise<Redis> {
  const queue = [...owners];
  const failures: StoreError[] = [];
  for (let hop = 0; hop < MAX_HOPS; hop++) {
    const node = queue.shift();
    if (!node) break;
    try {
      const found = await openIfOwner(address, node, needs, needless);
      if ('redis' in found) return found.redis;
      queue.push(found.to);
      failures.push(notThere(node, found.to));
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      failures.push(error);
    }
  }
  const [first] = failures;
  if (failures.length === 1 && first) throw first;
  throw noneOf(failures, 'no node of the cluster has our keys');
}

async function openIfOwner(
  address: ClusterAddress,
  node: HostAndPort,
  needs: Needs,
  needless: AbortSignal | undefined,
): Promise<{ readonly redis: Redis } | { readonly to: HostAndPort }> {
  const redis = await open(address, node, needs.connectMs, needless);
  try {
    const late = () => new Error('Command timed out');
    const to = await withinAwake(elsewhere(redis, node, needs), needs.connectMs, late);
    if (to === null) return { redis };
    redis.disconnect();
    return { to };
  } catch (cause) {
    redis.disconnect();
    if (!isTrouble(cause)) throw cause;
    throw storeError(labelOf(node), cause, true);
  }
}

async function open(
  { place: _, ...entry }: ClusterAddress,
  node: HostAndPort,
  connectMs: number,
  needless: AbortSignal | undefined,
) {
  const address = { ...entry, place: node, label: labelOf(node) };
  return (await openClient(address, connectMs, needless)).redis;
}

function labelOf(node: HostAndPort): string {
  return `${nameOf(node)} (cluster)`;
}

function notThere(node: HostAndPort, to: HostAndPort): StoreError {
  const message = `Redis at ${labelOf(node)} says that our keys are at ${nameOf(to)}`;
  return new StoreError('unavailable', message, 'Try again in a moment: a failover is under way');
}

function unique(nodes: readonly HostAndPort[]): HostAndPort[] {
  return [...new Map(nodes.map((node) => [`${node.host} ${node.port}`, node])).values()];
}
