import { FailedError } from '../errors.ts';
import { parseBeatReply } from '../model/beat-reply.ts';
import type { DesiredServer } from '../model/desired-server.ts';
import { parseKilled } from '../model/drain-order.ts';
import type { Parsed } from '../model/fields.ts';
import { parseRecord, type ServerRecord, toText } from '../model/server-record.ts';
import { quote } from '../text.ts';
import type { Link } from './connection/connection.ts';
import type { EventText } from './events/write.ts';
import type { Keys } from './keys.ts';
import { defineRehearsal, defineScript } from './scripts/define.ts';
import beatText from './scripts/servers/beat.lua';
import claimText from './scripts/servers/claim.lua';
import deregisterText from './scripts/servers/deregister.lua';
import forgetText from './scripts/servers/forget.lua';
import { freshRegistryId } from './set-once.ts';
import type { Registry, StoreSettings, Swap } from './store.ts';

/** Whoever waits for a server to go asks at once. */
const ENDED_SECONDS = 60;

/** What a server says of itself, under a lease that each beat renews. */
export function createServerLeases(
  link: Link,
  keys: Keys,
  { leaseMs }: Pick<StoreSettings, 'leaseMs'>,
  toEvent: EventText,
): Pick<Registry, 'register' | 'beat' | 'deregister' | 'killedAfter' | 'forget'> {
  let announced: string | null = null;
  const keysOf = (id: string) => ({ ...keys, order: keys.order(id), acks: keys.acks(id) });

  const beat = async (record: ServerRecord, desired: DesiredServer | null) => {
    const said = inWords(record);
    const reply = await beatScript(link, keysOf(record.id), {
      id: record.id,
      record: toText(record),
      leaseMs,
      desired: desired ? JSON.stringify(desired) : '',
      channel: keys.changes,
      announce: announced !== said ? '1' : '0',
      signedFor: desired?.registry ?? '',
      fresh: freshRegistryId(),
    });
    announced = said;
    return parseBeatReply(reply);
  };

  return {
    async register(record, desired) {
      const { id } = record;
      const args = { id, record: toText(record), leaseMs, channel: keys.changes };
      const other = await claim(link, keys, args);
      if (typeof other === 'string') throw taken(id, parseRecord(id, other));
      announced = inWords(record);
      await beat(record, desired);
    },
    beat,
    async deregister(id, kept = null, killedAfterMs = null, why = '') {
      const event = toEvent({ kind: 'gone', server: id, why });
      const how = { ...swapped(kept), ...endedBy(killedAfterMs), event };
      const args = { id, channel: keys.changes, ...how };
      return (await deregister(link, { ...keysOf(id), ended: keys.ended(id) }, args)) !== 0;
    },
    async killedAfter(id) {
      return parseKilled(await link.run((redis) => redis.get(keys.ended(id))));
    },
    async forget(id, before, why = '') {
      const reply = await forget(link, keysOf(id), {
        id,
        channel: keys.changes,
        before: before?.id ?? '',
        text: before ? JSON.stringify(before) : '',
        event: why === null ? '' : toEvent({ kind: 'gone', server: id, why }),
      });
      return reply === 1;
    },
  };
}

function swapped(kept: Swap | null) {
  return {
    before: kept ? JSON.stringify(kept.before) : '',
    after: kept ? JSON.stringify(kept.after) : '',
  };
}

function endedBy(killedAfterMs: number | null) {
  const ending = killedAfterMs === null ? '' : JSON.stringify({ killedAfterMs });
  return { ending, endingSeconds: ENDED_SECONDS };
}

/** Fails as a beat of any server would now. */
export function rehearseBeat(link: Link, keys: Keys): Promise<unknown> {
  return beatRehearsal(link, { ...keys, order: keys.order(''), acks: keys.acks('') });
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

const beatNames = {
  keys: ['servers', 'leases', 'intents', 'order', 'doors', 'acks', 'registry'],
  args: ['id', 'record', 'leaseMs', 'desired', 'channel', 'announce', 'signedFor', 'fresh'],
} as const;
const beatScript = defineScript(beatText, beatNames);
const beatRehearsal = defineRehearsal(beatText, beatNames);
const claim = defineScript(claimText, {
  keys: ['servers', 'leases'],
  args: ['id', 'record', 'leaseMs', 'channel'],
});
const deregister = defineScript(deregisterText, {
  keys: ['servers', 'leases', 'intents', 'order', 'acks', 'ended', 'events'],
  args: ['id', 'channel', 'before', 'after', 'ending', 'endingSeconds', 'event'],
});
const forget = defineScript(forgetText, {
  keys: ['servers', 'leases', 'intents', 'order', 'acks', 'events'],
  args: ['id', 'channel', 'before', 'text', 'event'],
});
