import stringWidth from 'string-width';

const segmenter = new Intl.Segmenter();
/** Printable ASCII, which nearly all text is: each character has one column. */
const ASCII = /^[\u0020-\u007e]*$/;

/** How many columns of a terminal a text takes: two for each Chinese character, and most emoji. */
export function textWidth(text: string): number {
  return ASCII.test(text) ? text.length : stringWidth(text);
}

/** As much of a text as fits into so many columns; what was cut off is a mark at its end. */
export function clip(text: string, columns: number, mark = '…'): string {
  if (textWidth(text) <= columns) return text;
  const room = columns - textWidth(mark);
  if (room < 0) return '';
  let kept = '';
  let width = 0;
  for (const { segment } of segmenter.segment(text)) {
    width += textWidth(segment);
    if (width > room) break;
    kept += segment;
  }
  return kept + mark;
}

/** The text with blanks behind it, or before it, until it takes so many columns. */
export function padTo(text: string, columns: number, side: 'left' | 'right' = 'left'): string {
  const blanks = ' '.repeat(Math.max(0, columns - textWidth(text)));
  return side === 'left' ? text + blanks : blanks + text;
}
