import { plain } from '../../../text.ts';
import { type Signs, signsFor } from '../../progress/marks.ts';

/** What a terminal's letters are: all of Unicode, or ASCII. */
export interface Letters {
  readonly signs: Signs;
  /** The heights of a bar, lowest first. */
  readonly bars: string;
  readonly up: string;
  readonly down: string;
  /** A text from anywhere, as this terminal can show it. */
  clean(text: string): string;
}

const OTHERS: ReadonlyMap<string, string> = new Map([
  ['–', '-'],
  ['…', '~'],
  ['µ', 'u'],
]);

export function lettersFor(utf8: boolean): Letters {
  const signs = signsFor(utf8);
  if (utf8) return { signs, bars: '▁▂▃▄▅▆▇█', up: '▲', down: '▼', clean: plain };
  const toAscii = (char: string) => OTHERS.get(char) ?? '?';
  const clean = (text: string) => plain(text).replace(/[^\u0020-\u007e]/gu, toAscii);
  return { signs, bars: '_.-:=+*#', up: '^', down: 'v', clean };
}
