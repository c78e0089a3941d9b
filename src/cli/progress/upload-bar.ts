import { bytesInWords, elapsed } from './elapsed.ts';
import type { Signs } from './marks.ts';
import type { Line } from './region.ts';
import type { Screen } from './screen.ts';

export interface Upload {
  readonly pictures: number;
  readonly bytes: number;
}

const LONGEST_BAR = 30;
const SHORTEST_BAR = 5;
const BESIDE_BAR = 46;
const USUAL_COLUMNS = 80;

/** One line for a whole upload: how much of it Redis has, and how fast it goes. */
export class UploadBar {
  readonly #screen: Screen;
  readonly #signs: Signs;
  readonly #nowMs: () => number;
  readonly #all: Upload;
  readonly #beganMs: number;
  #sent: Upload = { pictures: 0, bytes: 0 };

  constructor(screen: Screen, signs: Signs, nowMs: () => number, all: Upload) {
    this.#screen = screen;
    this.#signs = signs;
    this.#nowMs = nowMs;
    this.#all = all;
    this.#beganMs = nowMs();
    this.draw();
  }

  /** Redis has one more picture of so many bytes. */
  add(bytes: number): void {
    this.#sent = { pictures: this.#sent.pictures + 1, bytes: this.#sent.bytes + bytes };
    this.draw();
  }

  draw(): void {
    this.#screen.show([this.#line()]);
  }

  close(): void {
    this.#screen.leave([this.#line()], []);
  }

  #line(): Line {
    const { marks } = this.#signs;
    const isDone = this.#sent.pictures === this.#all.pictures;
    return [
      isDone ? { text: marks.done, tone: 'good' } : { text: marks.waits, tone: 'dim' },
      { text: ` ${this.#bar()}  ${this.#sent.pictures}/${this.#all.pictures}  ` },
      { text: `${bytesInWords(this.#sent.bytes)} of ${bytesInWords(this.#all.bytes)}` },
      { text: `  ${this.#pace()}`, tone: 'dim' },
    ];
  }

  #bar(): string {
    const { columns = USUAL_COLUMNS } = this.#screen;
    const length = Math.min(LONGEST_BAR, Math.max(SHORTEST_BAR, columns - BESIDE_BAR));
    const full = Math.round((length * this.#sent.bytes) / Math.max(1, this.#all.bytes));
    const [filled, empty] = this.#signs.bar;
    return filled.repeat(full) + empty.repeat(length - full);
  }

  #pace(): string {
    const tookMs = this.#nowMs() - this.#beganMs;
    if (this.#sent.bytes === 0) return elapsed(tookMs);
    const perSecond = (this.#sent.bytes * 1_000) / Math.max(1, tookMs);
    return `${bytesInWords(perSecond)}/s  ${elapsed(tookMs)}`;
  }
}
