import { randomBytes } from 'node:crypto';
import { defaults } from '../../defaults.ts';
import type { Picture, PictureType } from '../../model/picture.ts';
import type { Link } from '../connection/connection.ts';
import type { Keys } from '../keys.ts';
import * as scripts from '../scripts/images.ts';
import { list, runScript } from '../scripts/run.ts';
import type { Images } from '../store.ts';

type Deliveries = Omit<Images, 'enqueue'>;

/** A picture is claimed, handed out, and gone once acknowledged; else it goes back on top. */
export function createDeliveries(link: Link, keys: Keys): Deliveries {
  const { images, delivering, claims } = keys;
  const prefix = keys.image('');
  const run = (script: string, keysOf: string[], ...args: (string | number)[]) =>
    runScript(link, script, keysOf, ...args);

  return {
    async claim(token) {
      const nonce = randomBytes(6).toString('base64url');
      const args = [prefix, token, nonce, defaults.deliveryMs];
      const id = await run(
        scripts.claim,
        [images, delivering, claims, keys.delivered(token)],
        ...args,
      );
      if (typeof id !== 'string') return null;
      const picture = await load(link, id === '' ? keys.delivered(token) : keys.image(id), id);
      return picture && { ...picture, claim: `${token}:${nonce}` };
    },
    async acknowledge(id, claim, keepMs = 0) {
      const delivered = keys.delivered(claim.slice(0, claim.lastIndexOf(':')));
      const keysOf = [delivering, claims, keys.image(id), keys.imageBytes, delivered];
      return (await run(scripts.acknowledge, keysOf, id, claim, keepMs)) === 1;
    },
    async putBack(id, claim) {
      return (await run(scripts.putBack, [delivering, claims, images], id, claim)) === 1;
    },
    async putBackFor(tokens) {
      const keysOf = [delivering, claims, images, keys.imageBytes, ...tokens.map(keys.delivered)];
      return list(await run(scripts.putBackFor, keysOf, prefix, ...tokens)).map((one) => one === 1);
    },
    async renew(id, claim) {
      const args = [id, claim, defaults.deliveryMs];
      return (await run(scripts.renew, [delivering, claims], ...args)) === 1;
    },
    async peek() {
      const id = await run(scripts.newest, [images], prefix);
      return typeof id === 'string' ? load(link, keys.image(id), id) : null;
    },
    async requeueExpired() {
      return Number(await run(scripts.requeueExpired, [images, delivering, claims], prefix));
    },
  };
}

async function load(link: Link, key: string, knownId: string): Promise<Picture | null> {
  const [data, type, name, storedId] = await link.run((redis) =>
    redis.hmgetBuffer(key, 'data', 'type', 'name', 'id'),
  );
  if (!data || !type) return null;
  const id = knownId || String(storedId);
  const stored = { type: type.toString() as PictureType, name: name?.toString() ?? id };
  return { id, size: data.length, data, ...stored };
}
