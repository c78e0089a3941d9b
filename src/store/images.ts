import { randomBytes } from 'node:crypto';
import { defaults } from '../config.ts';
import { StoreError } from '../errors.ts';
import type { Keys } from './keys.ts';
import type { Link } from './link.ts';
import * as scripts from './scripts/images.ts';
import { transaction } from './transaction.ts';
import type { Images, NewPicture, Picture, PictureInfo, PictureType } from './types.ts';

const NO_ROOM = -1;
// A picture that was sent but never queued goes by itself: long enough for a slow MULTI.
const STAGED_MS = 10_000;

/** The picture queue: newest first, and a picture leaves it only when somebody has it. */
export function createImages(link: Link, keys: Keys): Images {
  const prefix = keys.image('');

  const stage = async (picture: NewPicture): Promise<PictureInfo> => {
    const { data, type, name } = picture;
    const id = randomBytes(9).toString('base64url');
    const key = keys.image(id);
    const fields = { data, type, name, size: data.length };
    await link.run((redis) => transaction(redis.multi().hset(key, fields).pexpire(key, STAGED_MS)));
    return { id, type, size: data.length, name };
  };

  const load = async (id: string): Promise<Picture | null> => {
    const [data, type, name] = await link.run((redis) =>
      redis.hmgetBuffer(keys.image(id), 'data', 'type', 'name'),
    );
    if (!data || !type) return null;
    const stored = { type: type.toString() as PictureType, name: name?.toString() ?? id };
    return { id, size: data.length, data, ...stored };
  };

  const withClaim = async (script: string, keysOf: string[], ...args: (string | number)[]) =>
    (await link.run((redis) => redis.eval(script, keysOf.length, ...keysOf, ...args))) === 1;

  return {
    async enqueue(pictures, onSent) {
      const images: PictureInfo[] = [];
      for (const picture of pictures) {
        const image = await stage(picture);
        images.push(image);
        onSent?.(image);
      }
      const queued = await link.run((redis) =>
        redis.eval(
          scripts.enqueue,
          3,
          keys.images,
          keys.delivering,
          keys.imageBytes,
          prefix,
          defaults.maxQueuedPictures,
          defaults.maxQueuedBytes,
          ...images.flatMap(({ id, size }) => [id, size]),
        ),
      );
      if (queued === NO_ROOM) throw queueFull();
      if (typeof queued !== 'number' || queued < 0) throw tooSlow(link.label);
      return { images, queued };
    },
    async claim(token) {
      const nonce = randomBytes(6).toString('base64url');
      const keysOf = [keys.images, keys.delivering, keys.claims];
      const id = await link.run((redis) =>
        redis.eval(
          scripts.claim,
          keysOf.length,
          ...keysOf,
          prefix,
          token,
          nonce,
          defaults.deliveryMs,
        ),
      );
      if (typeof id !== 'string') return null;
      const picture = await load(id);
      return picture && { ...picture, claim: `${token}:${nonce}` };
    },
    acknowledge: (id, claim) =>
      withClaim(
        scripts.acknowledge,
        [keys.delivering, keys.claims, keys.image(id), keys.imageBytes],
        id,
        claim,
      ),
    putBack: (id, claim) =>
      withClaim(scripts.putBack, [keys.delivering, keys.claims, keys.images], id, claim),
    renew: (id, claim) =>
      withClaim(scripts.renew, [keys.delivering, keys.claims], id, claim, defaults.deliveryMs),
    async peek() {
      const id = await link.run((redis) => redis.eval(scripts.newest, 1, keys.images, prefix));
      return typeof id === 'string' ? load(id) : null;
    },
    async requeueExpired() {
      const keysOf = [keys.images, keys.delivering, keys.claims];
      const count = await link.run((redis) =>
        redis.eval(scripts.requeueExpired, keysOf.length, ...keysOf, prefix),
      );
      return Number(count);
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
