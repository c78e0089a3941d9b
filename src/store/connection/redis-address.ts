import { bracket } from '../../address.ts';

/** One node: what a socket is opened to. */
export type RedisPlace =
  | HostAndPort
  /** Path of a Unix socket, absolute. */
  | { readonly path: string };

export interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

/** Sentinels, which know where the primary of that name is. */
export interface SentinelPlace {
  readonly sentinels: readonly HostAndPort[];
  readonly master: string;
}

/** Nodes of a cluster to begin with: each knows which of them has our keys. */
export interface ClusterPlace {
  readonly nodes: readonly HostAndPort[];
}

/** `host:port` */
export function nameOf({ host, port }: HostAndPort): string {
  return `${bracket(host)}:${port}`;
}

/** How to enter a Redis. */
export interface Credentials {
  readonly username?: string;
  readonly password?: string;
}

/** Where a Redis is and how to enter it. */
export interface RedisAddress extends Credentials {
  readonly place: RedisPlace | SentinelPlace | ClusterPlace;
  readonly db: number;
  readonly tls: boolean;
  /** `host:port`, the path of the socket, or all of several; fit for messages. */
  readonly label: string;
}

/** The same of one node. */
export interface NodeAddress extends RedisAddress {
  readonly place: RedisPlace;
}

export function isNode(address: RedisAddress): address is NodeAddress {
  return 'host' in address.place || 'path' in address.place;
}

/** Every host that is named; none where it is a socket of this machine. */
export function hostsOf({ place }: RedisAddress): readonly HostAndPort[] {
  if ('sentinels' in place) return place.sentinels;
  if ('nodes' in place) return place.nodes;
  return 'host' in place ? [place] : [];
}
