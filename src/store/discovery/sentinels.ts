import type { Redis } from 'ioredis';
import { StoreError } from '../../errors.ts';
import { openClient } from '../connection/client.ts';
import type { Way } from '../connection/open.ts';
import {
  type HostAndPort,
  nameOf,
  type RedisAddress,
  type SentinelPlace,
} from '../connection/redis-address.ts';
import { watchFailovers } from './failover-watch.ts';
import { gather, noneOf } from './gather.ts';
import { askSentinel, enterSentinel, type SentinelNeeds, type Told } from './sentinel.ts';

export interface SentinelAddress extends RedisAddress {
  readonly place: SentinelPlace;
}

/**
 * The primary that the sentinels name. All are asked at once and the newest answer comes first: one
 * that is gone, hangs, or has heard of no failover for it is cut off, leads nobody astray.
 */
export function wayOfSentinels(address: SentinelAddress, needs: SentinelNeeds): Way {
  const { place, label } = address;
  const asks = place.sentinels.map(
    (sentinel) => (needless: AbortSignal) => askOne(address, sentinel, needs, needless),
  );
  let newest = 0;
  return {
    label,
    follows: true,
    async dial(needless) {
      const { answers, failures } = await gather(asks, { needless });
      if (answers.length === 0)
        throw noneOf(failures, `no Sentinel tells where ${place.master} is`);
      const places = newestFirst(answers);
      newest = places[0]?.epoch ?? 0;
      return openFirst(address, places, needs.connectMs, needless);
    },
    async ask() {
      const { answers, failures: troubles } = await gather(asks, {
        togetherMs: 2 * needs.connectMs,
      });
      const primaries = newestFirst(answers).map(nameOf);
      return { kind: 'sentinels', answered: answers.length, troubles, primaries };
    },
    watch: (moved, say) =>
      watchFailovers(address, needs, { moved, isOld: ({ epoch }) => epoch < newest, say }),
  };
}

async function askOne(
  address: SentinelAddress,
  sentinel: HostAndPort,
  needs: SentinelNeeds,
  needless: AbortSignal,
): Promise<Told> {
  const redis = await enterSentinel(address, sentinel, needs, needless);
  try {
    return await askSentinel(redis, sentinel, address.place.master, needs);
  } finally {
    redis.disconnect();
  }
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
  needless: AbortSignal | undefined,
): Promise<Redis> {
  const failures: StoreError[] = [];
  for (const { host, port } of places) {
    const label = `${nameOf({ host, port })} (${master})`;
    try {
      const { redis, hello } = await openClient(
        { ...entry, place: { host, port }, label },
        connectMs,
        needless,
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
