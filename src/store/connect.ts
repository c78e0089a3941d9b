import { type Actor, eventText, type NewEvent, withActor } from '../model/event.ts';
import { readEviction } from './connection/eviction.ts';
import {
  type LinkOptions,
  type OpenLink,
  openConnection,
  openLastingConnection,
  type Way,
} from './connection/open.ts';
import type { Credentials } from './connection/redis-address.ts';
import { parseRedisUrl } from './connection/redis-url.ts';
import { createDesiredServers } from './desired-state.ts';
import { discover } from './discovery/discover.ts';
import { createEvents, type Events } from './events/events.ts';
import type { EventText } from './events/write.ts';
import { examine } from './examine.ts';
import { createKeys } from './keys.ts';
import { createMessages } from './messages.ts';
import { createPictures } from './pictures/enqueue.ts';
import { createRegistry } from './registry.ts';
import { definePlainScript } from './scripts/define.ts';
import takesWritesText from './scripts/servers/takes-writes.lua';
import type { Store, StoreSettings } from './store.ts';
import { createVisits } from './visits.ts';

export interface ConnectOptions {
  /** As connection/redis-url.ts reads it. */
  readonly url: string;
  /** How to enter sentinels, where the url names some. */
  readonly sentinel?: Credentials;
  readonly namespace: string;
  readonly connectMs: number;
  readonly commandMs: number;
  /** Whether a connection that was made once is made again for ever (servers, doors) or not (verbs). */
  readonly persistent: boolean;
  /** Of a persistent one: whether it may begin without a connection. */
  readonly mayBeAway?: boolean;
  readonly settings: StoreSettings;
  /** Who does what is done over it: asked when there is something to tell. */
  readonly actor?: () => Actor;
  /** Told when Redis goes away and comes back, at most a line a second. */
  readonly onTrouble?: (line: string) => void;
}

/**
 * Connects to one Redis within `connectMs`, or fails.
 * @throws UsageError for an address that cannot be right, StoreError when Redis cannot be used
 */
export async function connectStore(options: ConnectOptions): Promise<Store> {
  const { connectMs, commandMs, settings, actor, onTrouble: say = () => {} } = options;
  const keys = createKeys(options.namespace);
  const way = discover(parseRedisUrl(options.url), {
    connectMs,
    sentinel: options.sentinel ?? {},
    key: keys.registry,
  });
  const linkOptions: LinkOptions = {
    commandMs,
    silentMs: settings.beatMs * (1 - settings.beatJitter),
    say,
    takesWrites: (redis) => takesWrites(redis, keys),
  };
  const link = await open(way, linkOptions, options);
  const toText: EventText = (event, token) =>
    eventText(actor ? withActor(event, actor()) : event, token);
  const { written, ...events } = createEvents(link, keys, toText, way, linkOptions);
  const registry = (asked: EventText, note: Events['note']) =>
    createRegistry(link, keys, settings, { say, toText: asked, note });
  return {
    label: way.label,
    registry: registry(toText, events.note),
    registryBy(by) {
      const signed = (event: NewEvent) => (actor ? withActor(event, { ...actor(), by }) : event);
      return registry(
        (event, token) => eventText(signed(event), token),
        (event) => events.note(signed(event)),
      );
    },
    desiredServers: createDesiredServers(link, keys, settings),
    messages: createMessages(link, keys),
    visits: createVisits(link, keys, settings, say),
    images: createPictures(link, keys, settings, () => openConnection(way, linkOptions)),
    events,
    eviction: () => readEviction(link),
    examine: () => examine(link, keys, way),
    connected: link.connected,
    async close() {
      await written(commandMs);
      await link.close();
    },
  };
}

function open(
  way: Way,
  how: LinkOptions,
  { persistent, mayBeAway = false }: ConnectOptions,
): Promise<OpenLink> {
  if (!persistent) return openConnection(way, how);
  return openLastingConnection(way, how, mayBeAway);
}

const takesWrites = definePlainScript(takesWritesText, { keys: ['leases'] });
