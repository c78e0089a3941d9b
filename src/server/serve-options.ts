import type { AppSpec, ServerRecord } from '../store/records.ts';
import type { Store } from '../store/store.ts';
import type { CreateHosted } from './hosted.ts';

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
  /** Spawned servers are wanted: they write an intent. */
  readonly spawned: boolean;
  /** It goes when `up` ends. */
  readonly ofUp?: boolean;
  readonly drainMs: number;
  /** How long a client may take to send its request; 300 s when left out. */
  readonly requestMs?: number;
}

export interface ServeDeps {
  readonly store: Store;
  /** What it serves, when not the built-in app. */
  readonly host?: CreateHosted;
  log(line: string): void;
}

export interface RunningServer {
  record(): ServerRecord;
  /** Leaves in order; runs once. */
  retire(drainMs: number): Promise<void>;
  /** Cuts a leave short. */
  cut(): void;
  readonly ended: Promise<Ending>;
}

/** `died`: its app ended by itself. */
export type Ending = 'retired' | 'cut' | 'died';
