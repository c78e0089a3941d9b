import { toText } from '../model/server-record.ts';
import type { Link } from './connection/connection.ts';
import type { Keys } from './keys.ts';
import { defineScript } from './scripts/define.ts';
import keepText from './scripts/desired/keep.lua';
import keepFromOldText from './scripts/desired/keep-from-old.lua';
import lockHolderText from './scripts/desired/lock-holder.lua';
import releaseText from './scripts/desired/release.lua';
import succeedText from './scripts/desired/succeed.lua';
import swapText from './scripts/desired/swap.lua';
import type { DesiredServers, StoreSettings } from './store.ts';

/** What the token of a reconciler begins with, so that none of 0.1.0 is taken for one of ours. */
export const lockMark = 'k2:';

/** What was asked for, and who sees to it on each host. */
export function createDesiredServers(
  link: Link,
  keys: Keys,
  { leaseMs }: Pick<StoreSettings, 'leaseMs'>,
): DesiredServers {
  const lockOf = (host: string) => ({ keeper: keys.keeper(host) });

  return {
    text: (id) => link.run((redis) => redis.hget(keys.intents, id)),
    succeed: (old, record, desired) =>
      said(
        succeed(link, keys, {
          oldId: old.id,
          id: record.id,
          record: toText(record),
          desired: JSON.stringify(desired),
          leaseMs,
          channel: keys.changes,
          oldText: old.text,
        }),
      ),
    swap: (id, before, after) => {
      const texts = { before: before ?? '', after: after ? JSON.stringify(after) : '' };
      return said(swap(link, keys, { id, ...texts, channel: keys.changes }));
    },
    async lockHolder(host) {
      const reply = await lockHolder(link, lockOf(host));
      return typeof reply === 'string' ? reply : null;
    },
    keep: (host, token) => said(keep(link, lockOf(host), { token, leaseMs })),
    keepFromOld: (host, token) =>
      said(keepFromOld(link, lockOf(host), { token, leaseMs, mark: lockMark })),
    release: (host, token) => said(release(link, lockOf(host), { token })),
  };
}

async function said(reply: Promise<unknown>): Promise<boolean> {
  return (await reply) === 1;
}

const succeed = defineScript(succeedText, {
  keys: ['servers', 'leases', 'intents'],
  args: ['oldId', 'id', 'record', 'desired', 'leaseMs', 'channel', 'oldText'],
});
const swap = defineScript(swapText, {
  keys: ['intents'],
  args: ['id', 'before', 'after', 'channel'],
});
const lock = { keys: ['keeper'] } as const;
const keep = defineScript(keepText, { ...lock, args: ['token', 'leaseMs'] });
const keepFromOld = defineScript(keepFromOldText, { ...lock, args: ['token', 'leaseMs', 'mark'] });
const lockHolder = defineScript(lockHolderText, lock);
const release = defineScript(releaseText, { ...lock, args: ['token'] });
