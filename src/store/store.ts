import type { BeatReply } from '../model/beat-reply.ts';
import type { DesiredServer, SignedServer } from '../model/desired-server.ts';
import type { DoorRecord } from '../model/door-record.ts';
import type { NewEvent } from '../model/event.ts';
import type { Message } from '../model/message.ts';
import type { QueueView } from '../model/overview.ts';
import type { ClaimedPicture, NewPicture, Picture, PictureInfo } from '../model/picture.ts';
import type { ServerRecord } from '../model/server-record.ts';
import type { Eviction } from './connection/eviction.ts';
import type { Events } from './events/events.ts';
import type { Examination } from './examine.ts';
import type { FleetReading } from './fleet-reading.ts';

/** Stops a subscription. */
export type Unsubscribe = () => void;

/** A desired server that takes the place of what stands in Redis. */
export interface Swap {
  readonly before: DesiredServer;
  readonly after: DesiredServer;
}

/** All that is known of the fleet. Every method rejects with StoreError when Redis cannot answer. */
export interface Registry extends FleetReading {
  /**
   * The random id of this registry, set by whoever asks first. Another one than before means that
   * Redis was emptied.
   * @throws StoreError `damaged` where something else stands under its key
   */
  id(): Promise<string>;
  /** Writes record, lease and, when given, what is desired in one script. */
  register(record: ServerRecord, desired: DesiredServer | null): Promise<void>;
  /**
   * Rewrites record and lease, refills a missing desired server (unless null, or signed for another
   * registry), returns what is asked of it.
   */
  beat(record: ServerRecord, desired: DesiredServer | null): Promise<BeatReply>;
  /**
   * Forgets record, lease, order and acknowledgements. Without an order it stays desired: as it is,
   * or as `kept` says, unless that stands differently in Redis.
   * @param killedAfterMs how long its app had before it had to be killed, kept for whoever asks soon
   * @param why it ended, for its event
   * @returns whether it had an order
   */
  deregister(
    id: string,
    kept?: Swap | null,
    killedAfterMs?: number | null,
    why?: string,
  ): Promise<boolean>;
  /** After how long the app of a server that has just left had to be killed; null where it had not. */
  killedAfter(id: string): Promise<number | null>;
  /**
   * Orders these servers to retire and takes them out of the desired state. Safe to repeat.
   * @param stands whether the order of one that was wanted outlives the week: its host may be off
   * @param again whether it is only to be repeated, where the server has not left since
   */
  orderRetire(
    ids: readonly string[],
    drainMs: number,
    stands?: boolean,
    again?: boolean,
  ): Promise<void>;
  /** The same for one server that is wanted: of two callers at once, only one is told `ordered`. */
  orderRetireIfDesired(id: string, drainMs: number): Promise<'ordered' | 'already' | 'unwanted'>;
  /** The same for one server, only if another stays: two callers at once never take the last. */
  orderRetireUnlessLast(
    id: string,
    drainMs: number,
    stands?: boolean,
  ): Promise<'ordered' | 'already' | 'gone' | 'last'>;
  /**
   * Withdraws the order of a server that is known to be gone, with its record and its place in the desired state.
   * @param before the server whose place it took: that is wanted again, if this one was
   * @param why it is gone, for its event; null for no event
   * @returns whether it was given its place back
   */
  forget(id: string, before?: SignedServer, why?: string | null): Promise<boolean>;
  /** Removes records whose lease ran out `lostForMs` ago; returns their ids. Desired state and orders stay. */
  sweep(lostForMs: number): Promise<readonly string[]>;
  /** Writes a door and renews its lease. */
  beatDoor(door: DoorRecord): Promise<void>;
  /** Renews its lease alone; false where what it wrote is gone, and is to be written again. */
  renewDoor(id: string): Promise<boolean>;
  leaveDoor(id: string): Promise<void>;
  /** The door sends that server nothing any more. */
  acknowledge(serverId: string, doorId: string): Promise<void>;
  /** The key of the sticky cookie, set to `fresh` where there is none; null where another thing stands there. */
  stickyKey(fresh: string): Promise<string | null>;
  /** As `Events.note`. */
  note(event: NewEvent): void;
  /** Calls back with the id that changed, or null when anything may have (after a reconnect). */
  watch(listener: (id: string | null) => void): Unsubscribe;
}

/** What was asked for. Every method rejects with StoreError when Redis cannot answer. */
export interface DesiredServers {
  /** One of them as it stands in Redis; null where there is none. */
  text(id: string): Promise<string | null>;
  /**
   * Registers a server in place of one that is gone, who stands there as `oldText`.
   * False when that does not stand there any more: destroyed, or somebody else was first.
   */
  succeed(
    old: { readonly id: string; readonly text: string },
    record: ServerRecord,
    desired: DesiredServer,
  ): Promise<boolean>;
  /** Writes one, if `before` (null: none) is what stands there. */
  swap(id: string, before: string | null, after: DesiredServer | null): Promise<boolean>;
  /** Takes or renews the right to keep a host, for one lease. False when somebody else has it. */
  keep(host: string, token: string): Promise<boolean>;
  /** The token of whoever keeps that host now. */
  lockHolder(host: string): Promise<string | null>;
  /** The same for the lock that a reconciler of 0.1.0 takes, by the machine's name; all of us share it. */
  keepFromOld(host: string, token: string): Promise<boolean>;
  release(host: string, token: string): Promise<boolean>;
}

export interface Messages {
  set(key: string, message: string, ttlSeconds: number): Promise<void>;
  get(key: string): Promise<Message | null>;
}

export interface Visits {
  /** Sends without waiting: one push in flight, the next carries the newest five at most. Never throws. */
  record(path: string): void;
  /** Records and reads in one script, newest first. Reads alone where Redis takes no writes. */
  recordAndRead(path: string): Promise<readonly string[]>;
  recent(): Promise<readonly string[]>;
}

/** What an upload has put on top of the queue, and how many are in it now. */
export interface Enqueued {
  readonly images: PictureInfo[];
  readonly queued: number;
}

export interface Pictures {
  /** All or none; `onSent` is told of each that Redis has, still out of the queue. Rejects with StoreError `full` over 100 pictures or 256 MiB. */
  enqueue(
    pictures: readonly NewPicture[],
    onSent?: (picture: PictureInfo) => void,
  ): Promise<Enqueued>;
  /**
   * The same over a connection of its own, which waits for a replica to have them too: `missed` says why
   * that is not known within half a second, null where it is. They are queued all the same; it never rejects.
   */
  enqueueDurably(
    pictures: readonly NewPicture[],
    onSent?: (picture: PictureInfo) => void,
  ): Promise<Enqueued & { readonly missed: Promise<string | null> }>;
  /** Takes the newest picture for 30 s. The same token gets the same picture again. */
  claim(token: string): Promise<ClaimedPicture | null>;
  /**
   * Delivered: deletes it. For `keepMs` its token can still claim it: whoever passed it on may ask
   * again without having got it. False if the claim is no longer ours.
   */
  acknowledge(id: string, claim: string, keepMs?: number): Promise<boolean>;
  /** Not delivered: on top of the queue again. False if the claim is no longer ours. */
  putBack(id: string, claim: string): Promise<boolean>;
  /**
   * Not delivered, says who passed it on: puts back what was taken under each of these tokens, also
   * where that was acknowledged and is still kept. Tells of each whether there was something.
   */
  putBackFor(tokens: readonly string[]): Promise<readonly boolean[]>;
  /** Another 30 s for a picture that is still being sent. */
  renew(id: string, claim: string): Promise<boolean>;
  /** The newest picture, left where it is. */
  peek(): Promise<Picture | null>;
  /** How much the queue holds. */
  size(): Promise<QueueView>;
  /** The newest pictures, left where they are. */
  list(limit: number): Promise<readonly PictureInfo[]>;
  /** One of them, left where it is. */
  read(id: string): Promise<Picture | null>;
  /** Puts back what was claimed and neither acknowledged nor renewed in time; returns how many. */
  requeueExpired(): Promise<number>;
}

/** What is kept in Redis, how much and how long: defaults of defaults.ts, under the same names. */
export interface StoreSettings {
  readonly beatMs: number;
  readonly beatJitter: number;
  readonly leaseMs: number;
  readonly orderTtlSeconds: number;
  readonly recentVisits: number;
  readonly maxVisitBytes: number;
  readonly maxQueuedPictures: number;
  readonly maxQueuedBytes: number;
  readonly deliveryMs: number;
}

/** One connection to one Redis, and everything meowctl keeps there. */
export interface Store {
  /** `host:port`, without user or password. */
  readonly label: string;
  readonly registry: Registry;
  /** The same, for changes that somebody else asked this process for: their events name `by`. */
  registryBy(by: string): Registry;
  readonly desiredServers: DesiredServers;
  readonly messages: Messages;
  readonly visits: Visits;
  readonly images: Pictures;
  readonly events: Events;
  /** What Redis throws away by itself; null for nothing, or unknown. */
  eviction(): Promise<Eviction | null>;
  /** What may be wrong with it, and with the rights of its user. Changes nothing. */
  examine(): Promise<Examination>;
  /** False while the connection is down. */
  connected(): boolean;
  /** Sends what is pending for at most a second, then disconnects. */
  close(): Promise<void>;
}
