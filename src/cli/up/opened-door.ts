import type { Server } from 'node:net';
import type { Places, SocketName } from '../../handover/conversation.ts';
import type { OpenSocket } from '../../listen.ts';

export interface OpenedDoor {
  readonly url: string;
  readonly adminUrl: string | null;
  /** Where plain HTTP is sent on to it; null for nowhere. */
  readonly redirectUrl: string | null;
  /** What was about to be started serves, or failed. */
  started(): void;
  /** Replaces its workers by others, where it has several. */
  readonly roll: (() => void) | null;
  /** Where it listens, and with what: to be handed over. */
  readonly places: Places;
  socket(name: SocketName): Server | null;
  /** Resolves when another process goes on in its place. */
  readonly replaced?: Promise<void>;
  /** Stops accepting, finishes what is in flight, cuts the rest after `deadlineMs`. */
  close(deadlineMs: number): Promise<void>;
  /** The same where somebody else listens on: the page goes there at once, idle clients in time. */
  leave(deadlineMs: number): Promise<void>;
}

/** What a door is opened with besides its flags. */
export interface Opening {
  /** How long servers may take that are started next, which requests wait for; null where there are none. */
  readonly startMs: number | null;
  /** Sockets that listen already. */
  readonly sockets: OpenSockets;
  /** Those that came from elsewhere, and stay open when the door ends. */
  readonly inherited: readonly SocketName[];
  /** The pid of the process that hands over to this one; null for none. */
  readonly older: number | null;
}

export type OpenSockets = Readonly<Partial<Record<SocketName, OpenSocket>>>;
