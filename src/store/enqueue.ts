import { randomBytes } from 'node:crypto';
import { defaults } from '../config.ts';
import { StoreError } from '../errors.ts';
import type { Keys } from './keys.ts';
import type { Link } from './link.ts';
import type { NewPicture, PictureInfo } from './pictures.ts';
import * as scripts from './scripts/images.ts';
import type { Images } from './store.ts';
import { transaction } from './transaction.ts';

const NO_ROOM = -1;
// A picture that was sent but never queued goes by itself: long enough for a slow MULTI.
const STAGED_MS = 10_000;

/** Pictures are staged one by one, then queued by one script: all of them or none. */
export function createEnqueue(link: Link, keys: Keys): Pick<Images, 'enqueue'> {
  const stage = async (picture: NewPicture): Promise<PictureInfo> => {
    const { data, type, name } = picture;
    const id = randomBytes(9).toString('base64url');
    const key = keys.image(id);
    const fields = { data, type, name, size: data.length };
    await link.run((redis) => transaction(redis.multi().hset(key, fields).pexpire(key, STAGED_MS)));
    return { id, type, size: data.length, name };
  };

  const queue = (images: readonly PictureInfo[]) => {
    const keysOf = [keys.images, keys.delivering, keys.imageBytes];
    const limits = [defaults.maxQueuedPictures, defaults.maxQueuedBytes];
    const args = [keys.image(''), ...limits, ...images.flatMap(({ id, size }) => [id, size])];
    return link.run((redis) => redis.eval(scripts.enqueue, keysOf.length, ...keysOf, ...args));
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
      if (queued === NO_ROOM) throw queueFull();
      if (typeof queued !== 'number' || queued < 0) throw tooSlow(link.label);
      return { images, queued };
    },
  };
}

function queueFull(): StoreError {
  const { maxQueuedPictures, maxQueuedBytes } = defaults;
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
