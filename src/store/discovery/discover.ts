import { openClient } from '../connection/client.ts';
import type { Way } from '../connection/open.ts';
import {
  type ClusterPlace,
  type Credentials,
  isNode,
  type NodeAddress,
  type RedisAddress,
  type SentinelPlace,
} from '../connection/redis-address.ts';
import { wayOfCluster } from './cluster.ts';
import { wayOfSentinels } from './sentinels.ts';

export interface Discovery {
  /** To each node that is asked, and to the primary once it is known. */
  readonly connectMs: number;
  /** How to enter the sentinels; they do not take what Redis takes. */
  readonly sentinel: Credentials;
  /** A key of ours: whichever node of a cluster has it has all of them. */
  readonly key: string;
}

/** The way to the one node that is to be written to, each time that it is asked for. */
export function discover(address: RedisAddress, how: Discovery): Way {
  if (isNode(address)) return wayOfNode(address, how);
  const { place, ...entry } = address;
  return 'sentinels' in place
    ? wayOfSentinels({ ...entry, place: place as SentinelPlace }, how)
    : wayOfCluster({ ...entry, place: place as ClusterPlace }, how);
}

function wayOfNode(address: NodeAddress, { connectMs }: Discovery): Way {
  return {
    label: address.label,
    follows: false,
    dial: async (needless) => (await openClient(address, connectMs, needless)).redis,
    ask: async () => null,
    watch: () => () => {},
  };
}
