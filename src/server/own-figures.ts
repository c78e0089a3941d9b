import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import type { App } from '../hosting/app.ts';
import { residentBytes } from '../metrics/own-process.ts';
import type { ServerFigures, ServerRecord } from '../model/server-record.ts';

/** How often the loop is looked at: at 10 ms an idle server would use four times as much of a core. */
const LOOK_MS = 50;
const NS_PER_MS = 1e6;
const US_PER_MS = 1e3;
/** A beat that follows another at once says the same of the loop. */
const LEAST_LOOKS = 10;

/** What a server says with each beat of how it is: of itself, or of its program's processes. */
export class OwnFigures {
  readonly #app: Pick<App, 'usage'>;
  readonly #restarts: () => number;
  #delays: IntervalHistogram | null = null;
  #loopMs: number | null = null;
  #last: ServerFigures | null = null;

  constructor(app: Pick<App, 'usage'>, restarts: () => number) {
    this.#app = app;
    this.#restarts = restarts;
  }

  /** For its record. */
  said(): Pick<ServerRecord, 'figures'> {
    return this.#last ? { figures: this.#last } : {};
  }

  start(): void {
    // Its own loop says nothing of a program's.
    if (this.#app.usage) return;
    this.#delays = monitorEventLoopDelay({ resolution: LOOK_MS });
    this.#delays.enable();
  }

  stop(): void {
    this.#delays?.disable();
  }

  /** Comes before each beat. */
  measure(): void {
    const restarts = this.#restarts();
    const { usage } = this.#app;
    if (!usage) {
      this.#last = { ...ofThisProcess(), loopMs: this.#readLoop(), restarts };
      return;
    }
    const used = usage() ?? { rss: null, cpuMs: null };
    this.#last = { ...used, heap: null, loopMs: null, restarts };
  }

  #readLoop(): number | null {
    const delays = this.#delays;
    if (!delays || delays.count < LEAST_LOOKS) return this.#loopMs;
    // What is measured is the time from look to look.
    const delayMs = Math.max(0, delays.percentile(99) / NS_PER_MS - LOOK_MS);
    this.#loopMs = Math.round(delayMs * 10) / 10;
    delays.reset();
    return this.#loopMs;
  }
}

function ofThisProcess() {
  const { user, system } = process.cpuUsage();
  return {
    rss: residentBytes(),
    cpuMs: Math.round((user + system) / US_PER_MS),
    heap: getHeapStatistics().used_heap_size,
  };
}
