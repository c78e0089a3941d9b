import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { StoreError } from '../../errors.ts';
import type { NewPicture, PictureInfo } from '../../model/picture.ts';
import type { Link } from '../connection/connection.ts';
import type { OpenLink } from '../connection/open.ts';
import type { Keys } from '../keys.ts';
import { defineScript } from '../scripts/define.ts';
import enqueueText from '../scripts/pictures/enqueue.lua';
import type { Pictures, StoreSettings } from '../store.ts';
import { createDeliveries } from './deliveries.ts';
import { createDurableEnqueue } from './durable.ts';
import { createQueue } from './queue.ts';
import { storeBytes } from './store-bytes.ts';

const NO_ROOM = -1;
// A picture that was sent but never queued goes by itself: long enough for a slow MULTI.
const STAGED_MS = 10_000;

type QueueRoom = Pick<StoreSettings, 'maxQueuedPictures' | 'maxQueuedBytes'>;

/** Pictures are staged one by one, then queued by one script: all of them or none. */
function createEnqueue(link: Link, keys: Keys, room: QueueRoom): Pick<Pictures, 'enqueue'> {
  const stage = async (picture: NewPicture): Promise<PictureInfo> => {
    const { type, name } = picture;
    const id = randomBytes(9).toString('base64url');
    const key = keys.image(id);
    const data = typeof picture.data === 'function' ? await picture.data() : picture.data;
    await link.run((redis) => stored(redis, key, { data, type, name }));
    return { id, type, size: data.length, name };
  };

  const queue = (images: readonly PictureInfo[]) => {
    const { maxQueuedPictures: maxPictures, maxQueuedBytes: maxBytes } = room;
    const idsAndSizes = images.flatMap(({ id, size }) => [id, size]);
    return queueAll(link, keys, { prefix: keys.image(''), maxPictures, maxBytes, idsAndSizes });
  };

  return {
    async enqueue(pictures, onSent) {
      const images: PictureInfo[] = [];
      for (const picture of pictures) {
        const image = await stage(picture);
        images.push(image);
        onSent?.(image);
      }
      const queued = await queue(images);
      if (queued === NO_ROOM) throw queueFull(room);
      if (typeof queued !== 'number' || queued < 0) throw tooSlow(link.label);
      return { images, queued };
    },
  };
}

type Whole = NewPicture & { readonly data: Buffer };

/* A transaction whose commands go out one by one: a pipeline is copied into one buffer as well. */
async function stored(redis: Redis, key: string, { data, type, name }: Whole): Promise<void> {
  const fields = ['type', type, 'name', name, 'size', String(data.length)];
  const started = redis.multi({ pipeline: false });
  const queued = [storeBytes(redis, key, fields, 'data', data), redis.pexpire(key, STAGED_MS)];
  // A command that is refused (out of memory) says why; EXEC then only says that it was discarded.
  const [, , , done] = await Promise.all([started, ...queued, redis.exec()]);
  if (done === null) throw new Error('the transaction was discarded');
  for (const [error] of done as [Error | null][]) if (error) throw error;
}

function queueFull({ maxQueuedPictures, maxQueuedBytes }: QueueRoom): StoreError {
  const limit = `${maxQueuedPictures} pictures or ${maxQueuedBytes / 1_024 / 1_024} MiB`;
  return new StoreError(
    'full',
    `the picture queue is full (${limit})`,
    'Take some out: meowctl meow',
  );
}

function tooSlow(label: string): StoreError {
  const message = `Redis at ${label} took too long to store the pictures`;
  return new StoreError('unavailable', message, 'Nothing was queued; try again');
}

/**
 * The picture queue: newest first, and a picture leaves it only when somebody has it.
 * @param open makes a connection that ends with one upload
 */
export function createPictures(
  link: Link,
  keys: Keys,
  settings: StoreSettings,
  open: () => Promise<OpenLink>,
): Pictures {
  return {
    ...createEnqueue(link, keys, settings),
    ...createDurableEnqueue(open, (own) => createEnqueue(own, keys, settings).enqueue),
    ...createDeliveries(link, keys, settings),
    ...createQueue(link, keys),
  };
}

const queueAll = defineScript(enqueueText, {
  keys: ['images', 'delivering', 'imageBytes'],
  args: ['prefix', 'maxPictures', 'maxBytes'],
  moreArgs: 'idsAndSizes',
});
