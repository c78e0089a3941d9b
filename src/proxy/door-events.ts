import { debug } from '../debug.ts';
import type { StoreError } from '../errors.ts';
import type { NewEvent } from '../model/event.ts';
import { plain } from '../text.ts';
import type { UpstreamState } from './upstream/states.ts';
import { isRoutable, type Upstream } from './upstream/upstream.ts';

/** Events told in a minute of one server that goes in and out again and again. */
const MOST_TURNS = 10;
const TURNS_MS = 60_000;
const MOST_SERVERS = 2_000;

interface Turns {
  readonly sinceMs: number;
  count: number;
}

/** Who turns, and what it was until now. */
type Turning = Pick<Upstream, 'id' | 'state'>;

/** What a door tells of itself, of Redis, and of the servers that it takes out of use and back. */
export class DoorEvents {
  readonly #by: string;
  readonly #note: (event: NewEvent) => void;
  readonly #turns = new Map<string, Turns>();
  #awaySinceMs: number | null = null;
  /** The same, Unix ms. */
  #awayAt: number | null = null;

  constructor(id: string, note: (event: NewEvent) => void) {
    this.#by = `door ${id}`;
    this.#note = note;
  }

  opened(url: string): void {
    this.#tell({ kind: 'door-opened', why: url });
  }

  closed(url: string): void {
    this.#tell({ kind: 'door-closed', why: url });
  }

  /** @param trouble why Redis is out of reach; null where it is not */
  readonly redis = (trouble: StoreError | null): void => {
    const nowMs = performance.now();
    if (trouble && this.#awaySinceMs === null) {
      this.#awaySinceMs = nowMs;
      this.#awayAt = Date.now();
      this.#tell({ kind: 'redis-away', why: trouble.message });
    } else if (!trouble && this.#awaySinceMs !== null) {
      const seconds = Math.round((nowMs - this.#awaySinceMs) / 1_000);
      this.#awaySinceMs = null;
      this.#awayAt = null;
      this.#tell({ kind: 'redis-back', why: `after ${seconds} s` });
    }
  };

  /** Unix ms: since when Redis is out of reach; null while it is not. */
  redisAwaySince(): number | null {
    return this.#awayAt;
  }

  /** An upstream is about to enter a state. What leaves in order is no news from a door. */
  readonly turns = (upstream: Turning, to: UpstreamState, why: string): void => {
    const { id, state: from } = upstream;
    debug.proxy?.(`server ${id}: ${from} to ${to} ${plain(why)}`.trimEnd());
    const isIn = isRoutable({ state: to });
    if (isRoutable(upstream) === isIn || to === 'draining') return;
    if (isIn && from !== 'failed') return; // it is used for the first time
    this.turned(id, isIn, why);
  };

  /** One that was in use is taken out of it, or is in use again. */
  turned(id: string, isIn: boolean, why: string): void {
    const event: NewEvent = { kind: isIn ? 'back' : 'ejected', server: id, why };
    const nowMs = performance.now();
    const known = this.#turns.get(id);
    const turns = known && nowMs - known.sinceMs < TURNS_MS ? known : { sinceMs: nowMs, count: 0 };
    turns.count += 1;
    if (this.#turns.size >= MOST_SERVERS) this.#turns.clear();
    this.#turns.set(id, turns);
    if (turns.count > MOST_TURNS) return;
    const last =
      turns.count === MOST_TURNS ? '; it comes and goes: no more of it for a minute' : '';
    this.#tell({ ...event, why: `${event.why}${last}` });
  }

  #tell(event: NewEvent): void {
    this.#note({ ...event, by: this.#by });
  }
}
