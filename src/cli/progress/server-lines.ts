import type { MeowError } from '../../errors.ts';
import type { Steps } from '../../steps.ts';
import { plain } from '../../text.ts';
import type { Tone } from '../output/output.ts';
import { elapsed } from './elapsed.ts';
import type { Marks } from './marks.ts';
import type { Line } from './region.ts';
import type { Screen } from './screen.ts';

interface Entry {
  state: keyof Marks;
  what: string;
  readonly beganMs: number;
  /** Null while it goes on. */
  endedMs: number | null;
}

const tones: Readonly<Record<keyof Marks, Tone>> = { waits: 'dim', done: 'good', failed: 'bad' };

/** A line for each server, in the order they were first heard of, that turns as it goes. */
export class ServerLines implements Steps {
  readonly #screen: Screen;
  readonly #marks: Marks;
  readonly #nowMs: () => number;
  readonly #entries = new Map<string, Entry>();

  constructor(screen: Screen, marks: Marks, nowMs: () => number) {
    this.#screen = screen;
    this.#marks = marks;
    this.#nowMs = nowMs;
  }

  now(id: string, what: string): void {
    this.#turn(id, 'waits', what);
  }

  done(id: string, what: string): void {
    this.#turn(id, 'done', what);
  }

  failed(id: string, { message }: MeowError): void {
    this.#turn(id, 'failed', withoutName(id, message));
  }

  /** Shows how long each has taken by now. */
  draw(): void {
    const { room } = this.#screen;
    if (this.#entries.size > room) this.#leaveEnded();
    const lines = [...this.#entries].map((entry) => this.#line(entry));
    const hidden = lines.length - room + 1;
    if (hidden <= 1) return this.#screen.show(lines);
    const more = { text: `${this.#marks.waits} and ${hidden} more`, tone: 'dim' as const };
    this.#screen.show([...lines.slice(0, room - 1), [more]]);
  }

  /** Nothing turns any more: what still goes on is shown so. */
  close(): void {
    const lines = [...this.#entries].map((entry) => this.#line(entry));
    this.#entries.clear();
    this.#screen.leave(lines, []);
  }

  #turn(id: string, state: keyof Marks, what: string): void {
    const nowMs = this.#nowMs();
    const { beganMs } = this.#entries.get(id) ?? { beganMs: nowMs };
    const endedMs = state === 'waits' ? null : nowMs;
    this.#entries.set(id, { state, what: plain(what), beganMs, endedMs });
    this.draw();
  }

  /** They make room: a terminal has only so many rows that can be written again. */
  #leaveEnded(): void {
    const ended = [...this.#entries].filter(([, { endedMs }]) => endedMs !== null);
    const lines = ended.map((entry) => this.#line(entry));
    for (const [id] of ended) this.#entries.delete(id);
    if (lines.length > 0) this.#screen.leave(lines, []);
  }

  #line([id, { state, what, beganMs, endedMs }]: [string, Entry]): Line {
    const tookMs = (endedMs ?? this.#nowMs()) - beganMs;
    return [
      { text: this.#marks[state], tone: tones[state] },
      { text: ` ${plain(id)}  ${what}` },
      { text: `  ${elapsed(tookMs)}`, tone: 'dim' },
    ];
  }
}

// Messages begin with the name that stands in front of the line already.
function withoutName(id: string, message: string): string {
  return message.replace(new RegExp(`^(server|worker) ${id}( on port \\d+)?:? `), '');
}
