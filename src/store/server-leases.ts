import { defaults } from '../config.ts';
import { FailedError } from '../errors.ts';
import { quote } from '../text.ts';
import type { Keys } from './keys.ts';
import type { Link } from './link.ts';
import { list } from './list.ts';
import { parseOrder, parseRecord } from './parse.ts';
import type { BeatReply, Intent, ServerRecord } from './records.ts';
import { runScript } from './run-script.ts';
import { claim } from './scripts/claim.ts';
import * as scripts from './scripts/registry.ts';
import type { Registry } from './store.ts';

/** What a server says of itself, under a lease that each beat renews. */
export function createServerLeases(
  link: Link,
  keys: Keys,
): Pick<Registry, 'register' | 'beat' | 'deregister' | 'forget'> {
  let announced: string | null = null;

  const beat = async (record: ServerRecord, intent: Intent | null) => {
    const keysOf = beatKeys(keys, record.id);
    const announce = announced !== record.state ? '1' : '0';
    const texts = [JSON.stringify(record), defaults.leaseMs, intent ? JSON.stringify(intent) : ''];
    const args = [record.id, ...texts, keys.changes, announce];
    const reply = await runScript(link, scripts.beat, keysOf, ...args);
    announced = record.state;
    return toBeatReply(reply);
  };

  const remove = (script: string, id: string, how: string) => {
    const keysOf = [keys.servers, keys.leases, keys.intents, keys.order(id), keys.acks(id)];
    const args = [id, keys.changes, how];
    return runScript(link, script, keysOf, ...args);
  };

  return {
    async register(record, intent) {
      const keysOf = [keys.servers, keys.leases];
      const args = [record.id, JSON.stringify(record), defaults.leaseMs, keys.changes];
      const other = await runScript(link, claim, keysOf, ...args);
      if (typeof other === 'string') throw taken(record.id, parseRecord(record.id, other));
      announced = record.state;
      await beat(record, intent);
    },
    beat,
    async deregister(id, how = 'left') {
      await remove(scripts.deregister, id, how === 'died' ? '1' : '0');
    },
    async forget(id, before = '') {
      await remove(scripts.forget, id, before);
    },
  };
}

function taken(id: string, other: ServerRecord | string): FailedError {
  const where =
    typeof other === 'string' ? '' : ` as pid ${other.pid} on host ${quote(other.host)}`;
  const message = `server ${id} runs already${where}, and is one process`;
  return new FailedError('one-process', message, 'meowctl starts the processes: `spawn 4`');
}

function beatKeys(keys: Keys, id: string): string[] {
  return [keys.servers, keys.leases, keys.intents, keys.order(id), keys.doors, keys.acks(id)];
}

function toBeatReply(reply: unknown): BeatReply {
  const [order, doors, acks] = list(reply);
  return { order: parseOrder(order), doors: list(doors).map(String), acks: list(acks).map(String) };
}
