import { randomBytes } from 'node:crypto';
import type { Link } from '../connection/connection.ts';
import type { Keys } from '../keys.ts';
import { defineScript, list } from '../scripts/define.ts';
import acknowledgeText from '../scripts/pictures/acknowledge.lua';
import claimText from '../scripts/pictures/claim.lua';
import newestText from '../scripts/pictures/newest.lua';
import putBackText from '../scripts/pictures/put-back.lua';
import putBackForText from '../scripts/pictures/put-back-for.lua';
import renewText from '../scripts/pictures/renew.lua';
import requeueExpiredText from '../scripts/pictures/requeue-expired.lua';
import type { Pictures, StoreSettings } from '../store.ts';
import { load } from './queue.ts';

type Deliveries = Omit<Pictures, 'enqueue' | 'enqueueDurably' | 'size' | 'list' | 'read'>;

/** A picture is claimed, handed out, and gone once acknowledged; else it goes back on top. */
export function createDeliveries(
  link: Link,
  keys: Keys,
  { deliveryMs }: Pick<StoreSettings, 'deliveryMs'>,
): Deliveries {
  const prefix = keys.image('');

  return {
    async claim(token) {
      const nonce = randomBytes(6).toString('base64url');
      const delivered = keys.delivered(token);
      const args = { prefix, token, nonce, deliveryMs };
      const id = await claimNewest(link, { ...keys, delivered }, args);
      if (typeof id !== 'string') return null;
      const picture = await load(link, id === '' ? delivered : keys.image(id), id);
      return picture && { ...picture, claim: `${token}:${nonce}` };
    },
    async acknowledge(id, claim, keepMs = 0) {
      const delivered = keys.delivered(claim.slice(0, claim.lastIndexOf(':')));
      const keysOf = { ...keys, image: keys.image(id), delivered };
      return (await acknowledge(link, keysOf, { id, claim, keepMs })) === 1;
    },
    async putBack(id, claim) {
      return (await putBack(link, keys, { id, claim })) === 1;
    },
    async putBackFor(tokens) {
      const keysOf = { ...keys, delivered: tokens.map(keys.delivered) };
      return list(await putBackFor(link, keysOf, { prefix, tokens })).map((one) => one === 1);
    },
    async renew(id, claim) {
      return (await renew(link, keys, { id, claim, deliveryMs })) === 1;
    },
    async peek() {
      const id = await newest(link, keys, { prefix });
      return typeof id === 'string' ? load(link, keys.image(id), id) : null;
    },
    async requeueExpired() {
      return Number(await requeueExpired(link, keys, { prefix }));
    },
  };
}

const claimNewest = defineScript(claimText, {
  keys: ['images', 'delivering', 'claims', 'delivered'],
  args: ['prefix', 'token', 'nonce', 'deliveryMs'],
});
const acknowledge = defineScript(acknowledgeText, {
  keys: ['delivering', 'claims', 'image', 'imageBytes', 'delivered'],
  args: ['id', 'claim', 'keepMs'],
});
const putBack = defineScript(putBackText, {
  keys: ['delivering', 'claims', 'images'],
  args: ['id', 'claim'],
});
const putBackFor = defineScript(putBackForText, {
  keys: ['delivering', 'claims', 'images', 'imageBytes'],
  moreKeys: 'delivered',
  args: ['prefix'],
  moreArgs: 'tokens',
});
const renew = defineScript(renewText, {
  keys: ['delivering', 'claims'],
  args: ['id', 'claim', 'deliveryMs'],
});
const newest = defineScript(newestText, { keys: ['images'], args: ['prefix'] });
const requeueExpired = defineScript(requeueExpiredText, {
  keys: ['images', 'delivering', 'claims'],
  args: ['prefix'],
});
