/** What stands in front of a line: it goes on, it has ended well, it has failed. */
export interface Marks {
  readonly waits: string;
  readonly done: string;
  readonly failed: string;
}

/** What lines are drawn with. */
export interface Signs {
  readonly marks: Marks;
  /** Stands where a text was cut off. */
  readonly cut: string;
  /** A bar's part that is full, and its part that is empty. */
  readonly bar: readonly [full: string, empty: string];
}

const unicode: Signs = {
  marks: { waits: '…', done: '✓', failed: '✗' },
  cut: '…',
  bar: ['━', '─'],
};

const ascii: Signs = {
  marks: { waits: '... ', done: 'ok  ', failed: 'fail' },
  cut: '~',
  bar: ['#', '-'],
};

/** @param utf8 whether the terminal shows more than ASCII */
export function signsFor(utf8: boolean): Signs {
  return utf8 ? unicode : ascii;
}
