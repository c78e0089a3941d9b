import type { HealthLimits } from '../health/app-health.ts';
import type { CreateApp } from '../hosting/app.ts';
import type { AppSpec } from '../model/app-spec.ts';
import type { DesiredServer } from '../model/desired-server.ts';
import type { ServerRecord } from '../model/server-record.ts';
import type { Store, Swap } from '../store/store.ts';
import type { DrainLimits } from './drain.ts';
import type { ClientLimits } from './http-server.ts';
import type { BeatLimits } from './registration.ts';

/** The defaults of the same names, or others. */
interface ServerLimits extends BeatLimits, ClientLimits, DrainLimits, HealthLimits {
  readonly firstServerPort: number;
  /** How long a server waits for its own answer before it registers. */
  readonly probeTimeoutMs: number;
  /** How long its app may take to end by itself, where its spec does not say. */
  readonly termGraceMs: number;
}

export interface ServeOptions {
  readonly id: string;
  readonly spec: AppSpec;
  readonly version: string;
  /** Where its app was found, links resolved. */
  readonly folder?: string | null;
  readonly listenHost: string;
  readonly fixedPort: number | null;
  /** Where to look for a free port from; the default when null. */
  readonly firstPort: number | null;
  /** The id of the server, gone by now, whose place it takes. */
  readonly replaces: string | null;
  readonly advertise: string | null;
  readonly machine: Pick<ServerRecord, 'host' | 'hostId' | 'bootId' | 'pidNs' | 'pid' | 'pidStart'>;
  readonly drainMs: number;
  /** Since when it starts, monotonic ms, where that is not its process' own start. */
  readonly startMs?: number;
  readonly limits: ServerLimits;
}

/** A spawned server's place among the desired servers: it is started again when it dies. */
interface OwnDesired {
  /** Registers it. False when the server whose place it takes is not wanted any more. */
  register(record: ServerRecord): Promise<boolean>;
  /** What a beat writes back where Redis has lost it. */
  current(): DesiredServer | null;
  /** How often it was started again after its end. */
  restarts(): number;
  /** Told the id of the registry at each beat; true when Redis was emptied, and is to be told anew. */
  follow(registry: string | null): boolean;
  /** It was ordered to leave, or never got so far. */
  drop(): void;
  /** It leaves without an order. */
  stop(): Swap | null;
}

export interface ServeDeps {
  readonly store: Store;
  /** Null for one that was started by hand. */
  readonly ownDesired: OwnDesired | null;
  /** Called right before it registers: from then on it must leave in order. */
  onRegister?(): void;
  /** Told why it does not start, before it ends what it started. */
  onFail?(error: unknown): void;
  /** What it serves. */
  readonly createApp: CreateApp;
  log(line: string): void;
}

export interface RunningServer {
  record(): ServerRecord;
  /**
   * Leaves in order; runs once.
   * @param by what asks for it, where it is no order
   */
  retire(drainMs: number, by?: string): Promise<void>;
  /** Cuts a leave short. */
  cut(): void;
  readonly ended: Promise<Ending>;
}

/** `died`: its app ended by itself. */
export type Ending = 'retired' | 'cut' | 'died';
