import type { FleetEvent } from '../../model/event.ts';
import type { Line } from '../progress/region.ts';
import { frameLines } from './frame/frame.ts';
import type { Letters } from './frame/letters.ts';
import { type Action, firstView, type Key, press, type View } from './frame/view.ts';
import type { FullScreen } from './full-screen.ts';
import type { RunningChanges } from './running-changes.ts';
import type { SourcedOverview } from './source/watch.ts';

export interface DisplayOptions {
  readonly screen: FullScreen;
  readonly letters: Letters;
  /** `host:port` of Redis. */
  readonly redis: string;
  readonly changes: RunningChanges;
  events(): readonly FleetEvent[];
  /** Unix ms. */
  now(): number;
}

/** A line that somebody said stays to be read. */
const SAID_MS = 10_000;

/** What is on the screen: what is seen of the fleet, looked at in one way, with what happens besides. */
export class Display {
  readonly #options: DisplayOptions;
  #sight: SourcedOverview;
  #view: View = firstView;
  #said: { readonly line: string; readonly at: number } | null = null;
  #isDue = false;

  constructor(sourced: SourcedOverview, options: DisplayOptions) {
    this.#sight = sourced;
    this.#options = options;
  }

  see(sourced: SourcedOverview): void {
    this.#sight = sourced;
    this.soon();
  }

  say(line: string): void {
    this.#said = { line, at: this.#options.now() };
    this.soon();
  }

  /** @returns what it asks for besides */
  press(key: Key): Action | null {
    const { view, action } = press(this.#view, key, this.#sight.overview);
    this.#view = view;
    this.soon();
    return action;
  }

  /** Draws once for all that is new at this moment. */
  soon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    setImmediate(() => {
      this.#isDue = false;
      this.draw();
    });
  }

  /** All of it, whatever stands there. */
  redraw(): void {
    this.#options.screen.forget();
    this.draw();
  }

  draw(): void {
    const { screen, letters, redis, changes, events, now } = this.#options;
    const nowMs = now();
    const size = { width: screen.columns - 1, rows: screen.rows };
    const shown = {
      ...{ sourced: this.#sight, view: this.#view, events: events() },
      changes: [...this.#saidLines(nowMs), ...changes.lines()],
    };
    screen.draw(frameLines(shown, { ...size, letters, redis, nowMs }));
  }

  #saidLines(nowMs: number): Line[] {
    if (!this.#said || nowMs - this.#said.at > SAID_MS) return [];
    return [[{ text: this.#options.letters.clean(this.#said.line), tone: 'warn' }]];
  }
}
