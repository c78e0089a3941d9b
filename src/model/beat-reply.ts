import { type Order, parseOrder } from './drain-order.ts';

const REGISTRY = /^[A-Za-z0-9_-]{1,64}$/;

/** What a beat brings back. */
export interface BeatReply {
  readonly order: Order | null;
  /** Ids of the doors whose lease runs. */
  readonly doors: readonly string[];
  /** Ids of the doors that send this server nothing any more. */
  readonly acks: readonly string[];
  /** The id of the registry, if it has a sound one: another than before where Redis was emptied. */
  readonly registry: string | null;
}

/** @param reply order, ids of live doors, ids of doors that acknowledged, id of the registry */
export function parseBeatReply(reply: unknown): BeatReply {
  const [order, doors, acks, registry] = Array.isArray(reply) ? reply : [];
  return {
    order: parseOrder(order),
    doors: texts(doors),
    acks: texts(acks),
    registry: parseRegistryId(registry),
  };
}

/** The id of a registry; null where there is none, or what stands there is not one. */
export function parseRegistryId(value: unknown): string | null {
  return typeof value === 'string' && REGISTRY.test(value) ? value : null;
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
