import type { StoreError } from '../errors.ts';
import type { Place } from './place.ts';

/** What a server says of itself. Written whole, by the server alone. */
export interface ServerRecord extends Place {
  readonly id: string;
  /** Where clients and doors reach it, `http://host:port`. */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Start time of that pid as the kernel tells it (clock ticks since boot on Linux). */
  readonly pidStart: string;
  readonly app: string;
  readonly version: string;
  readonly state: 'starting' | 'up' | 'draining';
  /** Unix milliseconds on the server's host: for people, never for decisions. */
  readonly startedAt: number;
  readonly requests: number;
  readonly inflight: number;
  /** Where it answers for its health, when that is not `/healthz`. */
  readonly health?: string;
  /** What its app does that it should not, such as answer its page of health with 500. */
  readonly failing?: string;
  /** How long its app has from SIGTERM to SIGKILL, when that is not the default. */
  readonly killMs?: number;
  /** The folder its app was found in at its start, every link resolved; not of the built-in app. */
  readonly folder?: string;
  /** The program it runs, and where that listens on loopback. */
  readonly program?: { readonly pid: number; readonly port: number };
  /** The program that it keeps going and that takes no requests; then no door sends it any. */
  readonly worker?: { readonly pid: number };
}

/** Status codes from one to another, both included. */
export type StatusRange = readonly [from: number, to: number];

export type ServerState = ServerRecord['state'] | 'lost' | 'crashed' | 'stopped';

/**
 * What a server serves: the built-in cats, somebody's module loaded into it, or a program it runs
 * and passes requests on to.
 */
export type AppSpec = (
  | { readonly kind: 'cat' }
  | { readonly kind: 'module'; readonly path: string }
  | {
      readonly kind: 'program';
      readonly command: readonly string[];
      /** It takes no requests: see server/worker.ts. */
      readonly http?: false;
    }
) & {
  /** Names of the variables declared for it, sorted. Their values never leave the state folder. */
  readonly env: readonly string[];
  /** Finds those values there, and those of the base, and proves them: see fleet/kept-values.ts. */
  readonly envDigest: string | null;
  /** A file of more variables, read again at each start. */
  readonly envFile?: string;
  /** Everything that was there when it was asked for has been declared. */
  readonly envAll?: boolean;
  /** Values as a 0.1 wrote them into Redis. Never written any more: see `adoptValues`. */
  readonly oldValues?: Readonly<Record<string, string>>;
  /** The folder it runs in, as it was typed: links are resolved at each start; null for the state folder. */
  readonly cwd: string | null;
  /**
   * The app's own page that says whether it is ready and well. Of the built-in one: where its server
   * answers for its health.
   */
  readonly health: string | null;
  /** The answers there that mean it is, when not all below 500. */
  readonly healthStatus?: StatusRange;
  /** What tells it that its server leaves, before SIGTERM. */
  readonly drainSignal?: string;
  /** How long it has from SIGTERM to SIGKILL, when that is not the default. */
  readonly killMs?: number;
  /** How long it may take to be ready, when that is not the default. */
  readonly readyMs?: number;
  /** The signature that 0.1.0 gave it: see fleet/old-fleet.ts. */
  readonly seal?: string;
};

/**
 * What was asked for; outlives crashes and reboots. Signed as a whole by the host it is for: see
 * fleet/signature.ts. 0.1.0 signed the spec alone, and wrote neither of the first four fields.
 */
export interface Intent extends Place {
  readonly id?: string;
  /** The registry it was signed for: see `Registry.id`. */
  readonly registry?: string;
  readonly namespace?: string;
  readonly seal?: string;
  /** Its app in a few words, for people; `spec` is what it is started from. */
  readonly app: string;
  readonly spec: AppSpec;
  /** The process that last served it. */
  readonly pid: number;
  readonly pidStart: string;
  readonly port: number;
  readonly fixedPort: boolean;
  readonly listenHost: string;
  readonly advertise: string | null;
  /** Started by `up`, or in place of one that was: it goes when `up` ends. */
  readonly ofUp?: boolean;
  /** The id of the server whose place it took. */
  readonly replaces?: string;
  /** How often it was started again after its end. */
  readonly restarts?: number;
  readonly state: 'wanted' | 'stopped' | 'crashed';
}

/** An intent that carries all that a signature covers, and the signature. */
export type SignedIntent = Intent &
  Required<Pick<Intent, 'id' | 'hostId' | 'registry' | 'namespace' | 'seal'>>;

export interface Order {
  readonly order: 'retire';
  readonly drainMs: number;
}

/** What a beat brings back. */
export interface BeatReply {
  readonly order: Order | null;
  /** Ids of the doors whose lease runs. */
  readonly doors: readonly string[];
  /** Ids of the doors that send this server nothing any more. */
  readonly acks: readonly string[];
  /** The id of the registry, if it has a sound one: another than before where Redis was emptied. */
  readonly registry: string | null;
}

/** A record and its lease. `leaseLeftMs` is negative once it ran out, null where there is none. */
export interface Listing {
  readonly record: ServerRecord;
  readonly leaseLeftMs: number | null;
}

/** Something in Redis that is not ours to understand: said once, skipped, left alone. */
export interface Skipped {
  /** Which key, and which field in it. */
  readonly where: string;
  readonly why: string;
}

export interface RecordsView {
  readonly servers: readonly Listing[];
  /** How many servers hold a record; more than `servers` when the limit cut some off. */
  readonly total: number;
  readonly skipped: readonly Skipped[];
}

/** One door's word on one server. */
export interface DoorVerdict {
  readonly state: string;
  readonly reason: string;
}

export interface DoorRecord {
  readonly id: string;
  readonly url: string;
  readonly host: string;
  readonly pid: number;
  readonly roster: Readonly<Record<string, DoorVerdict>>;
  /** What servers die of, as `GET /path`. */
  readonly poison?: readonly string[];
}

export interface FleetView extends RecordsView {
  readonly intents: ReadonlyMap<string, Intent>;
  /** The id of the registry; null where it has none yet. */
  readonly registry: string | null;
  readonly doors: readonly DoorRecord[];
}

/** What is known when servers show no sign of life. */
export interface Silence {
  /** How long ago the last beat of any server or door was taken; null where none is known. */
  readonly agoMs: number | null;
  /** Why Redis would not take a beat now; null where it would. */
  readonly refusal: StoreError | null;
  /** Whether it refuses every write, whoever asks. */
  readonly takesNoWrites: boolean;
  /** The doors that lived when that last beat was taken, and what they said last. */
  readonly doors: readonly DoorRecord[];
}
