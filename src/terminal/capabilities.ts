import type { Size } from './screen.ts';

/** What a terminal says of itself. */
export interface Capabilities {
  readonly kitty: boolean;
  readonly iterm: boolean;
  readonly sixel: boolean;
  /** How many colours sixel may use at once; null where it does not say. */
  readonly colors: number | null;
  /** A character's size in pixels; null where it does not say. */
  readonly cell: Size | null;
  readonly multiplexed: boolean;
}

const ESC = '\u001b';

/**
 * In this order: whether it draws a pixel by kitty's protocol, its name and version, how many colours
 * sixel has, the size of a character and of the screen, and last what every terminal answers.
 */
export const QUESTIONS = [
  `${ESC}_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA${ESC}\\`,
  `${ESC}[>q`,
  `${ESC}[?1;1;0S`,
  `${ESC}[16t`,
  `${ESC}[14t`,
  `${ESC}[c`,
  // One that knows none of it may have printed it.
  `\r${ESC}[K`,
].join('');

const DEVICE_ATTRIBUTES = /\u001b\[\?([\d;]*)c/;
const SIXEL = '4';
/** Terminals that draw files by iTerm2's protocol, by their own names. */
const ITERM = /^(iTerm2|WezTerm|mintty)\b/i;
const LEAST_CELL = 2;
const MOST_CELL = 200;
const MULTIPLEXER = /^(tmux|screen)\b/i;

/** Whether the last question is answered, so that nothing more comes. */
export function isComplete(answers: string): boolean {
  return DEVICE_ATTRIBUTES.test(answers);
}

export function readAnswers(
  answers: string,
  screen: { columns: number; rows: number },
): Capabilities {
  const name = /\u001bP>\|([^\u001b]*)\u001b\\/.exec(answers)?.[1] ?? '';
  const attributes = DEVICE_ATTRIBUTES.exec(answers)?.[1]?.split(';') ?? [];
  const colors = /\u001b\[\?1;0;(\d+)S/.exec(answers)?.[1];
  return {
    kitty: answers.includes(`${ESC}_Gi=31;OK${ESC}\\`),
    iterm: ITERM.test(name),
    sixel: attributes.includes(SIXEL),
    colors: colors === undefined ? null : Number(colors),
    cell: cellIn(answers, screen),
    multiplexed: MULTIPLEXER.test(name),
  };
}

function cellIn(
  answers: string,
  { columns, rows }: { columns: number; rows: number },
): Size | null {
  const cell = sizeIn(answers, /\u001b\[6;(\d+);(\d+)t/, 1, 1);
  return cell ?? sizeIn(answers, /\u001b\[4;(\d+);(\d+)t/, columns, rows);
}

// Some answer with zeros; and what comes in over a wire may be anything.
function sizeIn(answers: string, pattern: RegExp, columns: number, rows: number): Size | null {
  const [, high = 0, wide = 0] = pattern.exec(answers) ?? [];
  const [width, height] = [Math.floor(Number(wide) / columns), Math.floor(Number(high) / rows)];
  const isCell = [width, height].every((pixels) => pixels >= LEAST_CELL && pixels <= MOST_CELL);
  return isCell ? { width, height } : null;
}
