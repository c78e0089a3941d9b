import { defaults } from '../config.ts';
import type { Keys } from './keys.ts';
import type { Link } from './link.ts';
import { runScript } from './run-script.ts';
import * as scripts from './scripts/intents.ts';
import type { Intents } from './store.ts';

/** What was asked for, and who sees to it on each host. */
export function createIntents(link: Link, keys: Keys): Intents {
  const said = async (script: string, keysOf: string[], ...args: (string | number)[]) =>
    (await runScript(link, script, keysOf, ...args)) === 1;

  return {
    succeed: (oldId, record, intent) =>
      said(
        scripts.succeed,
        [keys.servers, keys.leases, keys.intents],
        oldId,
        record.id,
        JSON.stringify(record),
        JSON.stringify(intent),
        defaults.leaseMs,
        keys.changes,
      ),
    mark: (id, state) => said(scripts.mark, [keys.intents], id, state, keys.changes),
    async keeper(host) {
      const reply = await link.run((redis) => redis.eval(scripts.keeper, 1, keys.keeper(host)));
      return typeof reply === 'string' ? reply : null;
    },
    keep: (host, token) => said(scripts.keep, [keys.keeper(host)], token, defaults.leaseMs),
    release: (host, token) => said(scripts.release, [keys.keeper(host)], token),
  };
}
