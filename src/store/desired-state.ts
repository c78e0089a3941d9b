import { defaults } from '../defaults.ts';
import { toText } from '../model/server-record.ts';
import type { Link } from './connection/connection.ts';
import type { Keys } from './keys.ts';
import * as scripts from './scripts/intents.ts';
import { runScript } from './scripts/run.ts';
import type { Intents } from './store.ts';

/** What the token of a reconciler begins with, so that none of 0.1.0 is taken for one of ours. */
export const lockMark = 'k2:';

/** What was asked for, and who sees to it on each host. */
export function createIntents(link: Link, keys: Keys): Intents {
  const said = async (script: string, keysOf: string[], ...args: (string | number)[]) =>
    (await runScript(link, script, keysOf, ...args)) === 1;

  return {
    text: (id) => link.run((redis) => redis.hget(keys.intents, id)),
    succeed: (old, record, intent) =>
      said(
        scripts.succeed,
        [keys.servers, keys.leases, keys.intents],
        old.id,
        record.id,
        toText(record),
        JSON.stringify(intent),
        defaults.leaseMs,
        keys.changes,
        old.text,
      ),
    swap: (id, before, after) => {
      const text = after ? JSON.stringify(after) : '';
      return said(scripts.swap, [keys.intents], id, before ?? '', text, keys.changes);
    },
    async lockHolder(host) {
      const reply = await link.run((redis) => redis.eval(scripts.keeper, 1, keys.keeper(host)));
      return typeof reply === 'string' ? reply : null;
    },
    keep: (host, token) => said(scripts.keep, [keys.keeper(host)], token, defaults.leaseMs),
    keepFromOld: (host, token) =>
      said(scripts.keepFromOld, [keys.keeper(host)], token, defaults.leaseMs, lockMark),
    release: (host, token) => said(scripts.release, [keys.keeper(host)], token),
  };
}
