import type { Link } from '../connection/connection.ts';
import type { Keys } from '../keys.ts';
import type { Images } from '../store.ts';
import { createDeliveries } from './deliveries.ts';
import { createEnqueue } from './enqueue.ts';

/** The picture queue: newest first, and a picture leaves it only when somebody has it. */
export function createImages(link: Link, keys: Keys): Images {
  return { ...createEnqueue(link, keys), ...createDeliveries(link, keys) };
}
