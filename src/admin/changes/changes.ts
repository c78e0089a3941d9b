import { setTimeout as pause } from 'node:timers/promises';
import { createId } from '../../ids.ts';
import type { Change, ChangeAsked, ChangeVerb } from '../../model/change.ts';
import { type RunDeps, RunningChange, type Work } from './run-change.ts';

export interface ChangeListDeps extends Omit<RunDeps, 'signal'> {
  /** Name of the door's host. */
  readonly host: string;
}

/** What is asked for, and how it is done. */
export interface ChangeRequest {
  readonly verb: ChangeVerb;
  readonly asked: ChangeAsked;
  readonly work: Work;
}

const KEPT = 50;
const MOST_AT_ONCE = 16;
/** A change that does not say within this that it is refused is answered as one that runs. */
const REFUSAL_MS = 1_000;
/** A server that was starting is stopped within this. */
const STOP_MS = 8_000;

/** Both settle how many run here and which: they would undo each other. */
const settling: readonly ChangeVerb[] = ['restart', 'scale'];

/** What is being changed through this door, and was changed last. */
export class ChangeList {
  readonly #deps: ChangeListDeps;
  readonly #all = new Map<string, RunningChange>();
  readonly #stopping = new AbortController();

  constructor(deps: ChangeListDeps) {
    this.#deps = deps;
  }

  /** Oldest first. */
  list(): readonly Change[] {
    return [...this.#all.values()].map(({ change }) => change);
  }

  get(id: string): Change | null {
    return this.#all.get(id)?.change ?? null;
  }

  running(): readonly Change[] {
    return this.list().filter(({ state }) => state === 'running');
  }

  /** A running change that this one would get in the way of. */
  inTheWay(verb: ChangeVerb): Change | null {
    if (!settling.includes(verb)) return null;
    return this.running().find((change) => settling.includes(change.verb)) ?? null;
  }

  isFull(): boolean {
    return this.running().length >= MOST_AT_ONCE || this.#stopping.signal.aborted;
  }

  /** @returns once it does something, was refused, or is over */
  async begin({ verb, asked, work }: ChangeRequest): Promise<RunningChange> {
    const id = createId();
    const change: Change = {
      ...{ id, verb, asked, host: this.#deps.host, state: 'running', at: Date.now() },
      ...{ endedAt: null, steps: [], notes: [], summary: '', failures: [] },
    };
    // Of its own: each of a verb's servers may listen for it.
    const signal = AbortSignal.any([this.#stopping.signal]);
    const running = new RunningChange(change, work, { ...this.#deps, signal });
    this.#keep(id, running);
    const late = new AbortController();
    await Promise.race([running.begun, pause(REFUSAL_MS, null, late)]).catch(() => {});
    late.abort();
    return running;
  }

  /** Interrupts what runs, and waits until it has ended: a moment, for servers that leave may take theirs. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const enough = new AbortController();
    const ended = Promise.all([...this.#all.values()].map(({ over }) => over));
    await Promise.race([ended, pause(STOP_MS, null, enough)]).catch(() => {});
    enough.abort();
  }

  #keep(id: string, running: RunningChange): void {
    this.#all.set(id, running);
    for (const [old, { change }] of this.#all) {
      if (this.#all.size <= KEPT) return;
      if (change.state !== 'running') this.#all.delete(old);
    }
  }
}
