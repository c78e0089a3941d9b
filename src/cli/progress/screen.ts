import type { Output } from '../output/output.ts';
import type { Line } from './region.ts';

/** Where lines are shown. */
export interface Screen {
  /** How many lines may stand there at a time. */
  readonly room: number;
  readonly columns?: number;
  show(lines: readonly Line[]): void;
  /** The first lines stay, above all that changes; the others are shown below them. */
  leave(left: readonly Line[], lines: readonly Line[]): void;
}

/** For a terminal that can print and no more (`TERM=dumb`): only what does not change any more. */
export class PrintedLines implements Screen {
  readonly room = 0;
  readonly #output: Pick<Output, 'talk'>;

  constructor(output: Pick<Output, 'talk'>) {
    this.#output = output;
  }

  show(): void {}

  leave(left: readonly Line[]): void {
    for (const line of left) this.#output.talk(line.map(({ text }) => text).join(''));
  }
}
