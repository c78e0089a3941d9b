import { defaults } from '../defaults.ts';
import { FailedError, StoreError } from '../errors.ts';
import { parseBeatReply, parseRegistryId } from '../model/beat-reply.ts';
import type { Intent } from '../model/desired-server.ts';
import { parseKilled } from '../model/drain-order.ts';
import type { Parsed } from '../model/fields.ts';
import { parseRecord, type ServerRecord, toText } from '../model/server-record.ts';
import { quote } from '../text.ts';
import type { Link } from './connection/connection.ts';
import type { Keys } from './keys.ts';
import type { Schema } from './schema.ts';
import { claim } from './scripts/claim.ts';
import * as scripts from './scripts/registry.ts';
import { runScript } from './scripts/run.ts';
import type { Registry } from './store.ts';

/** Whoever waits for a server to go asks at once. */
const ENDED_SECONDS = 60;

/** What a server says of itself, under a lease that each beat renews. */
export function createServerLeases(
  link: Link,
  keys: Keys,
  schema: Pick<Schema, 'settle'>,
): Pick<Registry, 'id' | 'register' | 'beat' | 'deregister' | 'killedAfter' | 'forget'> {
  let announced: string | null = null;

  const beat = async (record: ServerRecord, intent: Intent | null) => {
    const keysOf = beatKeys(keys, record.id);
    const said = inWords(record);
    const announce = announced !== said ? '1' : '0';
    const texts = [toText(record), defaults.leaseMs, intent ? JSON.stringify(intent) : ''];
    const signedFor = intent?.registry ?? '';
    const args = [record.id, ...texts, keys.changes, announce, signedFor, freshId()];
    const reply = await runScript(link, scripts.beat, keysOf, ...args);
    announced = said;
    return parseBeatReply(reply);
  };

  const remove = (script: string, id: string, ...texts: readonly (string | number)[]) => {
    const { servers, leases, intents } = keys;
    const keysOf = [servers, leases, intents, keys.order(id), keys.acks(id), keys.ended(id)];
    return runScript(link, script, keysOf, id, keys.changes, ...texts);
  };

  return {
    async id() {
      // Read first: it may be there where Redis takes no writes.
      const [found] = await Promise.all([
        link.run((redis) => redis.get(keys.registry)),
        schema.settle(),
      ]);
      if (found !== null) return known(parseRegistryId(found), keys.registry);
      const reply = await runScript(link, scripts.readRegistryId, [keys.registry], freshId());
      return known(parseRegistryId(reply), keys.registry);
    },
    async register(record, intent) {
      const keysOf = [keys.servers, keys.leases];
      const args = [record.id, toText(record), defaults.leaseMs, keys.changes];
      const other = await runScript(link, claim, keysOf, ...args);
      if (typeof other === 'string') throw taken(record.id, parseRecord(record.id, other));
      announced = inWords(record);
      await beat(record, intent);
    },
    beat,
    async deregister(id, kept = null, killedAfterMs = null) {
      const texts = kept ? [JSON.stringify(kept.before), JSON.stringify(kept.after)] : ['', ''];
      const ended = killedAfterMs === null ? '' : JSON.stringify({ killedAfterMs });
      return (await remove(scripts.deregister, id, ...texts, ended, ENDED_SECONDS)) !== 0;
    },
    async killedAfter(id) {
      return parseKilled(await link.run((redis) => redis.get(keys.ended(id))));
    },
    async forget(id, before) {
      const text = before ? JSON.stringify(before) : '';
      return (await remove(scripts.forget, id, before?.id ?? '', text)) === 1;
    },
  };
}

/** What others are to hear of at once when it changes. */
function inWords({ state, failing = '' }: ServerRecord): string {
  return `${state} ${failing}`;
}

function taken(id: string, other: Parsed<ServerRecord>): FailedError {
  const where = 'ok' in other ? ` as pid ${other.ok.pid} on host ${quote(other.ok.host)}` : '';
  const message = `server ${id} runs already${where}, and is one process`;
  return new FailedError('one-process', message, 'meowctl starts the processes: `spawn 4`');
}

/** The keys that a beat works on. */
export function beatKeys(keys: Keys, id: string): string[] {
  const { servers, leases, intents, doors, registry } = keys;
  return [servers, leases, intents, keys.order(id), doors, keys.acks(id), registry];
}

function freshId(): string {
  return globalThis.crypto.randomUUID();
}

function known(registry: string | null, key: string): string {
  if (registry !== null) return registry;
  const message = `key ${quote(key)} in Redis does not hold the id of a registry`;
  throw new StoreError('damaged', message, 'Remove that key');
}
