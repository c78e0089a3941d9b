import type { Redis } from 'ioredis';
import { isHost, LAST_PORT } from '../../address.ts';
import { StoreError } from '../../errors.ts';
import { quote } from '../../text.ts';
import { withinAwake } from '../../time/awake-timer.ts';
import { openClient } from '../connection/client.ts';
import type { Way } from '../connection/open.ts';
import {
  type Credentials,
  type HostAndPort,
  nameOf,
  type RedisAddress,
  type SentinelPlace,
} from '../connection/redis-address.ts';
import { watchFailovers } from './failover-watch.ts';
import { gather, noneOf } from './gather.ts';
import { enterSentinel, sentinelError } from './sentinel.ts';

export interface SentinelAddress extends RedisAddress {
  readonly place: SentinelPlace;
}

interface Needs {
  readonly connectMs: number;
  readonly sentinel: Credentials;
}

/** Where a sentinel says that the primary is. */
interface Told extends HostAndPort {
  /** Rises with each failover: the higher of two is the newer. */
  readonly epoch: number;
}

/**
 * The primary that the sentinels name. All are asked at once and the newest answer comes first: one
 * that is gone, hangs, or has heard of no failover for it is cut off, leads nobody astray.
 */
export function wayOfSentinels(address: SentinelAddress, needs: Needs): Way {
  const { place, label } = address;
  const asked = () => place.sentinels.map((sentinel) => askOne(address, sentinel, needs));
  return {
    label,
    follows: true,
    async dial() {
      const { answers, failures } = await gather(asked());
      if (answers.length === 0)
        throw noneOf(failures, `no Sentinel tells where ${place.master} is`);
      return openFirst(address, newestFirst(answers), needs.connectMs);
    },
    async ask() {
      const { answers, failures: troubles } = await gather(asked(), 2 * needs.connectMs);
      const primaries = newestFirst(answers).map(nameOf);
      return { kind: 'sentinels', answered: answers.length, troubles, primaries };
    },
    watch: (moved, say) => watchFailovers(address, needs, moved, say),
  };
}

async function askOne(address: SentinelAddress, sentinel: HostAndPort, needs: Needs) {
  const { master } = address.place;
  const redis = await enterSentinel(address, sentinel, needs);
  try {
    const asked = redis.call('SENTINEL', 'MASTER', master);
    const late = () => new Error('Command timed out');
    return toldBy(sentinel, master, await withinAwake(asked, needs.connectMs, late));
  } catch (cause) {
    throw sentinelError(sentinel, master, cause);
  } finally {
    redis.disconnect();
  }
}

function toldBy(sentinel: HostAndPort, master: string, reply: unknown): Told {
  const words = Array.isArray(reply) ? reply.map(String) : [];
  const field = (name: string) => words[words.indexOf(name) + 1] ?? '';
  const told = { host: field('ip'), port: Number(field('port')) };
  if (isHost(told.host) && told.port > 0 && told.port <= LAST_PORT) {
    return { ...told, epoch: Number(field('config-epoch')) || 0 };
  }
  const message = `Sentinel at ${nameOf(sentinel)} names no address for ${master}, but ${quote(told.host)}`;
  throw new StoreError('refused', message, 'See what `SENTINEL MASTERS` says there');
}

function newestFirst(told: readonly Told[]): Told[] {
  const seen = new Set<string>();
  const isNew = (place: Told) => !seen.has(nameOf(place)) && seen.add(nameOf(place));
  return [...told].sort((a, b) => b.epoch - a.epoch).filter(isNew);
}

/** The first of these that is there and is a primary. */
async function openFirst(
  { place: { master }, ...entry }: SentinelAddress,
  places: readonly Told[],
  connectMs: number,
): Promise<Redis> {
  const failures: StoreError[] = [];
  for (const { host, port } of places) {
    const label = `${nameOf({ host, port })} (${master})`;
    try {
      const { redis, hello } = await openClient(
        { ...entry, place: { host, port }, label },
        connectMs,
      );
      if (hello.role() !== 'replica') return redis;
      redis.disconnect();
      failures.push(stillReplica(label));
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      failures.push(error);
    }
  }
  const [first] = failures;
  if (failures.length === 1 && first) throw first;
  throw noneOf(failures, `no primary of ${master} can be used`);
}

function stillReplica(label: string): StoreError {
  const message = `Redis at ${label} is named by its sentinels and is a replica still`;
  return new StoreError('unavailable', message, 'Try again in a moment: a failover is under way');
}
