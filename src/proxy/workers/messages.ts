import type { FiguresDelta } from '../../metrics/door-figures.ts';
import type { WorkerUsage } from '../../metrics/workers-view.ts';
import type { RoutedListing } from '../../model/fleet-view.ts';
import type { SharedBreaking } from '../exchange/shared.ts';
import type { DoorOptions } from '../options.ts';
import type { RequestNote } from '../request-notes.ts';
import type { GivenSide } from '../secure-side.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { SocketHandle } from './held-socket.ts';

/**
 * What a door's primary and its workers say to each other. They may be of two versions: a worker
 * is started from what is on the disk by then. So it goes by the rule of what is in Redis: fields are
 * only added, and what an older version would misread raises this number.
 */
export const PROTOCOL = 1;

/** All that a worker has to know of its door. */
export interface Start {
  readonly do: 'start';
  readonly protocol: number;
  /** The door's id. */
  readonly id: string;
  readonly options: DoorOptions;
  /** Null where clients do not stick to a server. */
  readonly stickyNamespace: string | null;
  readonly accessLog: boolean;
  /** Targets that are, or may be, poison: by their keys. */
  readonly suspects: readonly string[];
  /** How clients come over TLS; without it they come without. */
  readonly secure?: GivenSide;
}

/** The fleet as the registry has it. */
export interface View {
  readonly do: 'view';
  readonly seq: number;
  /** Null where nothing has changed since the one before. */
  readonly servers: readonly RoutedListing[] | null;
  readonly stickyKey: string;
  /** What was about to be started is there, or failed. */
  readonly started: boolean;
}

export type ToWorker =
  | Start
  | View
  /** Accepts connections until it has so many. The door's socket comes with it. */
  | { readonly do: 'accept'; readonly most: number }
  /** The same for one that accepts already; it says where it does not. */
  | { readonly do: 'upTo'; readonly most: number }
  /** More places at a server. */
  | { readonly do: 'grant'; readonly server: string; readonly places: number }
  /** Gives back the places that it has free at a server. */
  | { readonly do: 'recall'; readonly server: string; readonly recall: number }
  | { readonly do: 'answer'; readonly question: number; readonly yes: boolean }
  | {
      readonly do: 'verdict';
      readonly question: number;
      readonly poison: boolean;
      readonly again: boolean;
    }
  | { readonly do: 'suspect' | 'clear'; readonly target: string }
  /** One of them was read again. */
  | { readonly do: 'certificates'; readonly certificates: GivenSide['certificates'] }
  /** Another serves in its place: it finishes what it has, however long that takes. */
  | { readonly do: 'leave' }
  | { readonly do: 'close'; readonly deadlineMs: number; readonly idleMs?: number };

/** A server as one worker sees it. */
export type SeenServer = Pick<
  Upstream,
  'id' | 'url' | 'state' | 'reason' | 'inflight' | 'queued' | 'probeSoon'
>;

export interface Report {
  readonly is: 'report';
  /** Of the view that it has taken in last. */
  readonly seq: number;
  /** Null where they are as they were. */
  readonly servers: readonly SeenServer[] | null;
  readonly connections: number;
  /** Requests since the last report. */
  readonly requests: number;
  readonly figures: FiguresDelta | null;
  readonly notes: readonly RequestNote[];
  readonly usage: WorkerUsage;
}

export type FromWorker =
  | Report
  /** It knows no such protocol. */
  | { readonly is: 'refused'; readonly protocol: number }
  /** It accepts connections. */
  | { readonly is: 'listening' }
  /** It has as many as it may, and accepts no more. */
  | { readonly is: 'resting'; readonly connections: number }
  /** It does not accept: the door's socket did not come. */
  | { readonly is: 'missed' }
  /** It cannot listen. */
  | { readonly is: 'deaf'; readonly code: string }
  /** It has no place left at any of these servers. */
  | { readonly is: 'full'; readonly question: number; readonly servers: readonly string[] }
  | {
      readonly is: 'returned';
      readonly server: string;
      readonly places: number;
      readonly recall: number;
    }
  | {
      readonly is: 'broke';
      readonly question: number;
      readonly breaking: SharedBreaking;
      readonly decision: boolean | null;
    }
  /** A target that may be poison was answered. */
  | { readonly is: 'answered'; readonly target: string }
  | { readonly is: 'undelivered'; readonly attempt: string };

/** A worker as the primary has it. */
export interface WorkerProcess {
  readonly pid: number;
  /** @param socket goes along, and stays open here too */
  send(message: ToWorker, socket?: SocketHandle): void;
  destroy(): void;
}

/** What is heard of one. */
interface WorkerEvents {
  message(message: FromWorker): void;
  /** @param how in words */
  ended(how: string): void;
}

/** @throws FailedError where it cannot be started */
export type StartWorker = (events: WorkerEvents) => WorkerProcess;

/** A worker's way to the primary. */
export interface ToPrimary {
  send(message: FromWorker): void;
}
