import { FailedError } from '../../errors.ts';
import { until } from '../../time/until.ts';
import type { FromWorker, StartWorker, ToWorker } from './messages.ts';
import { WorkerHandle } from './worker-handle.ts';

export interface SupervisorEvents {
  /** It runs: it is to be told what it needs. */
  began(worker: WorkerHandle): void;
  heard(worker: WorkerHandle, message: FromWorker): void;
  /** It takes no more connections. */
  leaves(worker: WorkerHandle): void;
  /** @param told whether that was meant, or harms nobody: it never served, and the one before still does */
  gone(worker: WorkerHandle, told: boolean): void;
  log(line: string): void;
}

/** How long one may take from its start until it can serve. */
const READY_MS = 60_000;
/** One that lived for less is not replaced at once: the pause doubles. */
const LIVED_MS = 10_000;
const [FIRST_PAUSE_MS, LONGEST_PAUSE_MS] = [250, 8_000];
/** Looks, one a second, without a word: a worker that stands still holds clients up. */
const MOST_SILENT = 30;
/** What they get beyond their deadline to be gone by themselves. */
const GRACE_MS = 3_000;
const LOOK_MS = 20;

/** The workers of a door: so many are kept going, each in a slot of its own. */
export class Supervisor {
  readonly #count: number;
  readonly #start: StartWorker;
  readonly #events: SupervisorEvents;
  readonly #workers = new Set<WorkerHandle>();
  readonly #pauses = new Map<number, number>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #rolling: Promise<void> | null = null;
  #again = false;
  #ending = false;
  /** How the last one ended that was not told to. */
  #last = '';

  constructor(count: number, start: StartWorker, events: SupervisorEvents) {
    this.#count = count;
    this.#start = start;
    this.#events = events;
  }

  /** By slot. */
  readonly workers = (): readonly WorkerHandle[] =>
    [...this.#workers].sort((a, b) => a.slot - b.slot || a.sinceMs - b.sinceMs);

  readonly tellAll = (message: ToWorker): void => {
    for (const { process } of this.#workers) process.send(message);
  };

  /** @throws FailedError where none can serve */
  async begin(): Promise<void> {
    const begun = Array.from({ length: this.#count }, (_, at) => this.#begin(at + 1));
    const isSettled = () => begun.some(isServing) || begun.every((one) => !this.#workers.has(one));
    await until(isSettled, { everyMs: LOOK_MS, withinMs: READY_MS });
    if (begun.some(isServing) || this.#ending) return;
    const why = this.#last ? `: the last one ${this.#last}` : '';
    throw new FailedError('workers', `no worker of the door started${why}`, 'See the lines above');
  }

  /** Replaces all of them, also one that has just begun, one after the other; one that cannot be replaced stays, and ends the roll. */
  roll(): Promise<void> {
    this.#again = this.#rolling !== null;
    this.#rolling ??= this.#rollAll().finally(() => {
      this.#rolling = null;
      if (this.#again && !this.#ending) void this.roll();
    });
    return this.#rolling;
  }

  /** Looks for those that stand still. */
  look(): void {
    for (const worker of this.#workers) {
      if (!isLate(worker)) continue;
      const { slot, process } = worker;
      this.#events.log(`worker ${slot} (pid ${process.pid}) stands still: it is ended`);
      process.destroy();
    }
  }

  async close(deadlineMs: number, idleMs: number): Promise<void> {
    this.#end();
    for (const { process } of this.#workers) process.send({ do: 'close', deadlineMs, idleMs });
    const withinMs = deadlineMs + GRACE_MS;
    await until(() => this.#workers.size === 0, { everyMs: LOOK_MS, withinMs });
    this.cut();
  }

  cut(): void {
    this.#end();
    for (const { process } of this.#workers) process.destroy();
  }

  #end(): void {
    this.#ending = true;
    for (const timer of this.#timers) clearTimeout(timer);
  }

  async #rollAll(): Promise<void> {
    for (const old of this.workers().filter(({ state }) => state !== 'leaving')) {
      if (this.#ending) return;
      // Its slot has got a new one.
      if (!this.#workers.has(old)) continue;
      const next = this.#tryToBegin(old.slot, true);
      const isSettled = () => !next || isServing(next) || !this.#workers.has(next);
      await until(isSettled, { everyMs: LOOK_MS, withinMs: READY_MS });
      if (!next || !isServing(next)) {
        next?.process.destroy();
        const { slot } = old;
        return this.#events.log(`worker ${slot} is not replaced: the new one does not serve`);
      }
      this.#leave(old);
    }
    this.#events.log('every worker is replaced');
  }

  #leave(worker: WorkerHandle): void {
    worker.state = 'leaving';
    worker.process.send({ do: 'leave' });
    this.#events.leaves(worker);
  }

  #begin(slot: number, isTrial = false): WorkerHandle {
    const events = {
      message: (message: FromWorker) => this.#heard(worker, message),
      ended: (how: string) => this.#ended(worker, how),
    };
    const worker: WorkerHandle = new WorkerHandle(slot, this.#start(events), isTrial);
    this.#workers.add(worker);
    this.#events.began(worker);
    return worker;
  }

  #heard(worker: WorkerHandle, message: FromWorker): void {
    if (!this.#workers.has(worker)) return;
    if (message.is === 'refused') {
      const { protocol } = message;
      worker.refusal = `speaks protocol ${protocol}, this door another: end the door and start it again`;
      this.#events.log(`worker ${worker.slot} is of another version: it ${worker.refusal}`);
    }
    this.#events.heard(worker, message);
  }

  #ended(worker: WorkerHandle, how: string): void {
    if (!this.#workers.delete(worker)) return;
    const isTold = this.#ending || worker.state === 'leaving';
    const neverServed = worker.isTrial && worker.state === 'starting';
    this.#events.gone(worker, isTold || neverServed);
    if (isTold) return;
    this.#last = worker.refusal ?? how;
    this.#events.log(`worker ${worker.slot} (pid ${worker.process.pid}) ${how}`);
    this.#replace(worker.slot, performance.now() - worker.sinceMs);
  }

  // One that a roll has started already will do.
  #replace(slot: number, livedMs: number): void {
    const pauseMs = livedMs > LIVED_MS ? 0 : (this.#pauses.get(slot) ?? 0);
    this.#pauses.set(slot, Math.min(Math.max(FIRST_PAUSE_MS, pauseMs * 2), LONGEST_PAUSE_MS));
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      const others = [...this.#workers].filter((other) => other.slot === slot);
      if (this.#ending || others.some(({ state }) => state !== 'leaving')) return;
      if (!this.#tryToBegin(slot)) this.#replace(slot, 0);
    }, pauseMs);
    this.#timers.add(timer);
  }

  #tryToBegin(slot: number, isTrial = false): WorkerHandle | null {
    try {
      return this.#begin(slot, isTrial);
    } catch (error) {
      if (!(error instanceof FailedError)) throw error;
      this.#events.log(`worker ${slot}: ${error.message}`);
      return null;
    }
  }
}

/** One more look without a word; or it has not come to serve in time. */
function isLate(worker: WorkerHandle): boolean {
  if (worker.state === 'starting') return performance.now() - worker.sinceMs > READY_MS;
  worker.silent += 1;
  return worker.silent > MOST_SILENT;
}

function isServing({ state }: WorkerHandle): boolean {
  return state === 'serving';
}
