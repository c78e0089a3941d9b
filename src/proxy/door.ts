import type { Server } from 'node:net';
import { httpsUrl, httpUrl } from '../address.ts';
import { inTurn } from '../errors.ts';
import { createId } from '../ids.ts';
import {
  createDoorFigures,
  type DoorFigures,
  type MergedFigures,
} from '../metrics/door-figures.ts';
import type { WorkersView } from '../metrics/workers-view.ts';
import type { DoorRecord, DoorVerdict } from '../model/door-record.ts';
import type { Listing } from '../model/fleet-view.ts';
import type { Registry } from '../store/store.ts';
import { alsoInDebug } from './access-log.ts';
import { DoorEvents } from './door-events.ts';
import { doorRecord } from './door-record.ts';
import type { DoorLease } from './door-words.ts';
import type { Answered } from './exchange/context.ts';
import type { StartQueue } from './exchange/start-queue.ts';
import { type PictureReturns, UndeliveredPictures } from './exchange/undelivered-pictures.ts';
import { createListener, type Listener, type ListenerDeps } from './listener.ts';
import { type FleetSource, Membership, type PooledServer } from './membership.ts';
import type { DoorOptions } from './options.ts';
import { RequestNotes } from './request-notes.ts';
import type { SecureSide } from './secure-side.ts';
import { Sticky } from './sticky/cookie.ts';
import { type KeptKey, type SharedKey, StickyKey } from './sticky/key.ts';
import { type PublicState, publicName } from './upstream/states.ts';

export interface DoorDeps {
  readonly registry: DoorLease & FleetSource & SharedKey & Pick<Registry, 'note'>;
  /** Where undelivered pictures go back to; null for nowhere. */
  readonly pictures: PictureReturns | null;
  /** Where clients stay with a server: what keeps the key of their cookie; else null. */
  readonly stickyKey: KeptKey | null;
  /** As its record says. */
  readonly machine: Pick<DoorRecord, 'host' | 'pid' | 'admin'>;
  readonly onAnswer: ((answered: Answered) => void) | null;
  /** How clients come over TLS; null where they come without. */
  readonly secure?: SecureSide | null;
  log(line: string): void;
}

/** A server as the door sees it. */
export interface Seen extends DoorVerdict {
  readonly id: string;
  readonly state: PublicState;
  readonly url: string;
  readonly inflight: number;
}

export interface Door {
  readonly id: string;
  /**
   * Announces itself, reads the registry, then listens.
   * @returns its port
   * @throws StoreError when the first read fails, FailedError when the port cannot be had
   */
  open(): Promise<number>;
  servers(): Seen[];
  /** All servers as the registry had them last, those that get no requests from it too. */
  listed(): readonly Listing[];
  /** Unix ms: since when Redis is out of reach; null while it is not. */
  redisAwaySince(): number | null;
  /** What it has counted. */
  readonly figures: DoorFigures;
  /** Requests that failed, or were tried again: the newest 1,000. */
  readonly requests: Pick<RequestNotes, 'find'>;
  /** What servers die of, as `GET /path`: it is tried once and not again. */
  poison(): string[];
  /** Whether it listens, and a server gets requests. */
  ready(): boolean;
  /** What was about to be started is in the registry, or failed: see `DoorOptions.starting`. */
  started(): void;
  /** Its workers, where it has several. */
  workers(): WorkersView | null;
  /** What listens for clients; it may be handed over. Null where workers have a part in it. */
  readonly socket: Server | null;
  /** @param idleMs how long clients whose connections are idle may send one more request */
  close(deadlineMs: number, idleMs?: number): Promise<void>;
  cut(): void;
}

/** What lets clients in. */
export type OpenListener = (deps: PrimaryDeps, options: DoorOptions) => Listener;

export interface PrimaryDeps extends ListenerDeps {
  readonly figures: MergedFigures;
  /** What is done with its servers changed, by what others saw. */
  readonly onRoster: () => void;
  readonly secure: SecureSide | null;
}

/**
 * A door and its place in the registry.
 * @param openListener what lets clients in: this process, or workers that it leads
 */
export function createDoor(
  deps: DoorDeps,
  options: DoorOptions,
  openListener: OpenListener = createListener,
): Door {
  const id = createId();
  const { registry, secure = null, log: onTrouble } = deps;
  let port = options.port;
  const onChange = () => membership.acknowledge();
  const undelivered = deps.pictures && new UndeliveredPictures(deps.pictures, options, onTrouble);
  const onUndelivered = (attempt: string) => undelivered?.tell(attempt);
  const sticky = deps.stickyKey && new Sticky(deps.stickyKey.namespace);
  const figures = createDoorFigures(options, () => performance.now());
  const events = new DoorEvents(id, registry.note);
  const notes = new RequestNotes(options.maxRequestNotes);
  const onAnswer = alsoInDebug(deps.onAnswer);
  const onRoster = () => membership.changed();
  const heard = { onAnswer, onChange, onRoster, onTrouble, onTurn: events.turns, onUndelivered };
  const listener = openListener({ id, sticky, figures, notes, secure, ...heard }, options);
  const stickyKey = sticky && keyOf(sticky, deps, options);
  const servers = (): Seen[] => listener.pool.all().map(seen);
  const record = () => {
    const known = { servers: servers(), poison: listener.poison.named(), figures };
    return doorRecord({ id, ...deps.machine, ...shown(secure, options.host, port), ...known });
  };
  const starts = startedWhenRead(listener.starts);
  const around = { registry, pool: listener.pool, record, onRedis: events.redis, onTrouble };
  const membership = new Membership({ ...around, onRead: starts.read }, options);
  return {
    ...{ id, servers, figures, requests: notes, socket: listener.socket ?? null },
    listed: () => membership.servers(),
    redisAwaySince: () => events.redisAwaySince(),
    poison: () => listener.poison.named(),
    ready: () => listener.listens() && listener.pool.routable().length > 0,
    async open() {
      port = await openInOrder(membership, stickyKey, listener);
      events.opened(record().url);
      return port;
    },
    async close(deadlineMs, idleMs) {
      events.closed(record().url);
      const end = () => listener.close(deadlineMs, idleMs);
      await inTurn([end, () => undelivered?.stop(), () => leave(membership, stickyKey)]);
    },
    started: () => starts.over(membership),
    workers: () => listener.workers?.() ?? null,
    cut: () => listener.cut(),
  };
}

/** What clients see of it. */
function shown(secure: SecureSide | null, host: string, port: number) {
  const url = secure ? httpsUrl(host, port) : httpUrl(host, port);
  return { url, certificates: secure?.certificates() ?? [] };
}

function keyOf(
  sticky: Sticky,
  { registry, stickyKey: kept, log }: DoorDeps,
  { registryReadMs }: DoorOptions,
): StickyKey | null {
  return kept && new StickyKey({ registry, kept, sticky, log }, registryReadMs);
}

// A reading that has started may have missed what came last, so it takes one more.
function startedWhenRead(queue: Pick<StartQueue, 'end' | 'look'>) {
  let readsLeft = Number.POSITIVE_INFINITY;
  return {
    over(membership: Pick<Membership, 'look'>) {
      readsLeft = 2;
      membership.look();
    },
    read() {
      readsLeft -= 1;
      if (readsLeft === 0) queue.end();
      else queue.look();
    },
  };
}

// It is known to servers before a client can reach it.
async function openInOrder(
  membership: Membership,
  stickyKey: StickyKey | null,
  listener: Listener,
): Promise<number> {
  await membership.start();
  try {
    await stickyKey?.start();
    return await listener.listen();
  } catch (error) {
    await leave(membership, stickyKey);
    throw error;
  }
}

function leave(membership: Membership, stickyKey: StickyKey | null): Promise<void> {
  return inTurn([() => stickyKey?.stop(), () => membership.stop()]);
}

function seen({ id, url, state, reason, inflight }: PooledServer): Seen {
  return { id, url, state: publicName(state), reason, inflight };
}
