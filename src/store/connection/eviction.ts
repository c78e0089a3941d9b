import { withoutRedis } from '../../expected-errors.ts';
import { plain } from '../../text.ts';
import type { Link } from './connection.ts';

/** What Redis throws away by itself when it is full. */
export interface Eviction {
  /** Its `maxmemory-policy`. */
  readonly policy: string;
  /** Whether there is a `maxmemory`: without one nothing is thrown away yet. */
  readonly limited: boolean;
}

/** Null where nothing is thrown away, and where INFO is refused or does not say. */
export async function readEviction(link: Link): Promise<Eviction | null> {
  const text = await link.run((redis) => redis.info('memory')).catch(withoutRedis('')); // whoever needs more of Redis hears of that
  const field = (name: string) => new RegExp(`^${name}:(\\S+)`, 'm').exec(text)?.[1];
  const policy = field('maxmemory_policy') ?? 'noeviction';
  if (policy === 'noeviction') return null;
  return { policy: plain(policy), limited: field('maxmemory') !== '0' };
}
