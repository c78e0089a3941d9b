import { clip, textWidth } from '../../text-width.ts';
import type { Cell, Paint } from '../output/output.ts';
import type { Line } from '../progress/region.ts';

/** Another screen than the one that the shell writes on. */
const ENTER = '\u001b[?1049h';
/** No cursor, no line that goes on in the next row, nothing on it. */
const CLEAN = '\u001b[?25l\u001b[?7l\u001b[2J';
const LEAVE = '\u001b[?7h\u001b[?25h\u001b[?1049l';
/** A terminal that knows this shows the whole frame at once; others pass over it. */
const BEGIN = '\u001b[?2026h';
const END = '\u001b[?2026l';
const CLEAR_LINE_END = '\u001b[K';
const USUAL_COLUMNS = 80;
const USUAL_ROWS = 24;

const toRow = (row: number) => `\u001b[${row + 1};1H`;

export interface FullScreenOptions {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly paint: Paint;
  readonly cutMark: string;
}

/** A whole terminal of our own, until it is left: then it is as it was. */
export class FullScreen {
  readonly #options: FullScreenOptions;
  #isEntered = false;
  /** What stands in each row, as it was written. */
  #rows: readonly string[] = [];

  constructor(options: FullScreenOptions) {
    this.#options = options;
  }

  get columns(): number {
    return this.#options.stdout.columns || USUAL_COLUMNS;
  }

  get rows(): number {
    return this.#options.stdout.rows || USUAL_ROWS;
  }

  enter(): void {
    if (this.#isEntered) return;
    this.#isEntered = true;
    this.#setRaw(true);
    this.#options.stdout.write(ENTER + CLEAN);
    this.#rows = [];
  }

  /** Safe to repeat, and where nothing was entered. */
  leave(): void {
    if (!this.#isEntered) return;
    this.#isEntered = false;
    this.#options.stdout.write(LEAVE);
    this.#setRaw(false);
  }

  /** Somebody else may have written on it, or its size is another: all of it is drawn anew. */
  forget(): void {
    this.#rows = [];
    if (this.#isEntered) this.#options.stdout.write(CLEAN);
  }

  /** Writes those rows that are not as they were. */
  draw(lines: readonly Line[]): void {
    if (!this.#isEntered) return;
    const rows = lines.slice(0, this.rows).map((line) => this.#text(line));
    const news = rows.flatMap((text, at) =>
      text === this.#rows[at] ? [] : [`${toRow(at)}${text}${CLEAR_LINE_END}`],
    );
    this.#rows = rows;
    if (news.length === 0) return;
    // With the cursor anywhere else, tmux 3.3 leaves rows of it to the shell after it was resized.
    this.#options.stdout.write(BEGIN + news.join('') + toRow(this.rows - 1) + END);
  }

  // The last column stays free: what is cleared behind a full line would be its last character.
  #text(line: Line): string {
    const { paint, cutMark } = this.#options;
    let left = this.columns - 1;
    let text = '';
    for (const cell of line) {
      const cut: Cell = { ...cell, text: clip(cell.text, left, cutMark) };
      text += paint(cut.text, cut.tone);
      left -= textWidth(cut.text);
      if (cut.text !== cell.text) break;
    }
    return text;
  }

  #setRaw(isRaw: boolean): void {
    const { stdin } = this.#options;
    if (!stdin.isTTY) return;
    // Whoever had the terminal in between may have changed it without Node's knowledge.
    if (isRaw) stdin.setRawMode(false);
    stdin.setRawMode(isRaw);
  }
}
