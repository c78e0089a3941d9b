import type { ServerState } from './server-record.ts';

/** What one door sees of its fleet, once a second: for the page, `top` and whoever asks. */
export interface Overview {
  /** Unix ms on the door's host: when it was made. */
  readonly at: number;
  readonly door: OverviewDoor;
  readonly redis: OverviewRedis;
  readonly totals: OverviewTotals;
  /** By port, then id. */
  readonly servers: readonly ServerView[];
  /** Every door of the fleet, the one that made this among them. */
  readonly doors: readonly DoorView[];
  /** Null while Redis is away. */
  readonly queue: QueueView | null;
  readonly history: OverviewHistory;
}

/** The door that made the overview. */
interface OverviewDoor {
  readonly id: string;
  readonly url: string;
  readonly host: string;
  readonly pid: number;
  /** Unix ms. */
  readonly startedAt: number;
  readonly version: string;
}

interface OverviewRedis {
  readonly connected: boolean;
  /** Unix ms: since when it is away; null while it is there. */
  readonly since: number | null;
  /** How long the last command took; null where none is known. */
  readonly latencyMs: number | null;
}

interface OverviewTotals {
  readonly servers: number;
  readonly up: number;
  /** Requests a second. */
  readonly rps: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  /** This and all below but `inflight`: null where no door counts, as in `top` without one. */
  readonly errorsPerSecond: number | null;
  readonly inflight: number;
  readonly webSockets: number | null;
  /** Event streams that are open. */
  readonly streams: number | null;
  readonly retriesPerSecond: number | null;
}

/** One server: what it says of itself, and what this door saw of it. */
export interface ServerView {
  readonly id: string;
  readonly url: string;
  readonly host: string;
  /** Whether it runs on the door's own host: the page starts and replaces servers there alone. */
  readonly here: boolean;
  readonly port: number;
  readonly pid: number;
  /** Its name alone for who has no token: no path, no arguments. */
  readonly app: string;
  readonly version: string;
  /** As `ls` names it. */
  readonly state: ServerState;
  /** It takes no requests: its url and port are of no use to anybody. */
  readonly worker?: true;
  /** What this door does with it; null where it takes no requests. */
  readonly door: 'usable' | 'doubtful' | 'draining' | 'out' | null;
  /** Why it is not as it should be, in words; '' when all is well. */
  readonly reason: string;
  /** Unix ms on the server's host. */
  readonly startedAt: number;
  /** All it has answered, as it counts itself. */
  readonly requests: number;
  /** Requests a second through this door. */
  readonly rps: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  /** Answers of 500 and above through this door so far; null where no door counts. */
  readonly errors: number | null;
  readonly errorsPerSecond: number | null;
  readonly inflight: number;
  /** Bytes. */
  readonly rss: number | null;
  /** Share of a core: 0.42. */
  readonly cpu: number | null;
  /** Bytes. */
  readonly heap: number | null;
  /** Event-loop delay, p99. */
  readonly loopMs: number | null;
  /** How often it was started again. */
  readonly restarts: number | null;
  /** Requests a second through this door: the last 60 s, oldest first. */
  readonly history: readonly number[];
}

interface DoorView {
  readonly id: string;
  readonly url: string;
  readonly host: string;
  readonly pid: number;
  readonly rps: number | null;
}

/** The pictures that wait. */
export interface QueueView {
  readonly pictures: number;
  readonly bytes: number;
  /** Taken, and not yet delivered. */
  readonly delivering: number;
}

/** The last 60 s, oldest first, one entry a second. */
interface OverviewHistory {
  readonly rps: readonly number[];
  readonly p99Ms: readonly (number | null)[];
}
