import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { HealthPage } from '../health/ask-app.ts';
import type { Identity } from '../health/endpoint.ts';
import type { ServerRecord } from '../model/server-record.ts';

/** A program behind a server, for people. */
type Inner = NonNullable<ServerRecord['program']>;

interface Usage {
  /** Bytes. */
  readonly rss: number;
  /** So far. */
  readonly cpuMs: number;
}

export type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** What a server serves, whoever wrote it. The server owns port, health check and drain. */
export interface App {
  request(request: IncomingMessage, response: ServerResponse): void;
  /** Whether it says itself, to a client with `Expect: 100-continue`, that the body may come. */
  asksForBody?(request: IncomingMessage): boolean;
  /** Takes upgrades of protocol; null where the app takes none. */
  readonly upgrade: Upgrade | null;
  /**
   * Resolves once it can answer.
   * @param port the one that its server holds
   * @param host an address its server can be reached at from here
   */
  start?(port: number, host: string): Promise<void>;
  /** Its own page of health, once it can answer. Without one it is well for as long as it listens. */
  page?(): HealthPage;
  /** The process of its own that it runs in; null until that answers. */
  inner?(): Inner | null;
  /** The process of a worker: doors send its server no requests. */
  worker?(): { readonly pid: number } | null;
  /**
   * What the processes use that it runs in; null where that cannot be told. Without this it runs in
   * its server's own.
   */
  usage?(): Usage | null;
  /** Comes with every beat of its server. */
  beat?(): Promise<void>;
  /** Tells it that its server leaves: it gets nothing new, and finishes what it has. */
  drain?(): void;
  /**
   * Instead of `drain`, for an app without requests: tells it to finish its work, and resolves when it
   * has ended, or at once where there is no signal to tell it with.
   */
  finish?(): Promise<void>;
  /**
   * Ends it, after its last answer.
   * @returns `killed` where it had to be, when `graceMs` had passed
   */
  stop?(graceMs: number): Promise<unknown>;
  /** Settles, with the reason, when it has ended although nobody stopped it. */
  readonly died?: Promise<string>;
}

/** Makes the app of a server that is about to listen. */
export type CreateApp = (identity: Identity) => App;
