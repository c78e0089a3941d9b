import { clip, textWidth } from '../../text-width.ts';
import type { Below, Cell, Paint } from '../output/output.ts';
import type { Screen } from './screen.ts';

/** A line in pieces, each in its tone. */
export type Line = readonly Cell[];

const FIRST_COLUMN = '\r';
const UP = (rows: number) => (rows > 0 ? `\u001b[${rows}A` : '');
const CLEAR_TO_LINE_END = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';
/** A terminal that has just become narrower must not break a line while we do not know of it yet. */
const WRAP_OFF = '\u001b[?7l';
const WRAP_ON = '\u001b[?7h';
const USUAL_COLUMNS = 80;
const USUAL_ROWS = 24;

export interface RegionOptions {
  readonly stream: NodeJS.WriteStream;
  readonly paint: Paint;
  /** Stands where a line was cut off. */
  readonly cutMark: string;
}

/**
 * Lines at the end of a terminal that are written over again and again, the cursor below them. It is
 * never hidden: whatever ends this process, the terminal is as it was.
 */
export class Region implements Below, Screen {
  readonly #options: RegionOptions;
  #lines: readonly Line[] = [];
  /** The widths of the lines that stand on the terminal now. */
  #drawn: readonly number[] = [];

  constructor(options: RegionOptions) {
    this.#options = options;
  }

  /** How many lines there is room for, the cursor's own not counted. */
  get room(): number {
    return Math.max(1, (this.#options.stream.rows || USUAL_ROWS) - 1);
  }

  get columns(): number {
    return this.#options.stream.columns || USUAL_COLUMNS;
  }

  show(lines: readonly Line[]): void {
    this.#lines = lines;
    this.#draw('');
  }

  leave(left: readonly Line[], lines: readonly Line[]): void {
    this.#lines = lines;
    this.#draw(left.map((line) => this.#text(line)).join(''));
  }

  around(write: () => void): void {
    this.#options.stream.write(this.#back() + CLEAR_BELOW);
    this.#drawn = [];
    write();
    this.#draw('');
  }

  /** Somebody else has written since, such as a shell that we were stopped by. */
  forget(): void {
    this.#drawn = [];
  }

  #draw(above: string): void {
    const text = this.#lines.map((line) => this.#text(line)).join('');
    const whole = `${WRAP_OFF}${this.#back()}${above}${text}${CLEAR_BELOW}${WRAP_ON}`;
    this.#options.stream.write(whole);
    this.#drawn = this.#lines.map((line) => textWidth(this.#cut(line).map(plainOf).join('')));
  }

  /** To where the first line begins. One that was wider than the terminal is now has more than one row. */
  #back(): string {
    const rows = this.#drawn.map((width) => Math.max(1, Math.ceil(width / this.columns)));
    return FIRST_COLUMN + UP(rows.reduce((sum, each) => sum + each, 0));
  }

  #text(line: Line): string {
    const { paint } = this.#options;
    const painted = this.#cut(line).map(({ text, tone }) => paint(text, tone));
    return `${painted.join('')}${CLEAR_TO_LINE_END}\n`;
  }

  // The last column stays free: some terminals go on to the next row as soon as it is filled.
  #cut(line: Line): Line {
    let left = this.columns - 1;
    const cut: Cell[] = [];
    for (const cell of line) {
      const text = clip(cell.text, left, this.#options.cutMark);
      cut.push({ ...cell, text });
      left -= textWidth(text);
      if (text !== cell.text) break;
    }
    return cut;
  }
}

function plainOf({ text }: Cell): string {
  return text;
}
