import { clip, textWidth } from '../../../text-width.ts';

/**
 * A text in lines of so many columns, broken between words; a word that is wider alone is cut.
 * @param most how many lines there may be: what does not fit is cut off
 */
export function wrap(text: string, width: number, most: number, cut: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (textWidth(longer) <= width || line === '') line = longer;
    else {
      lines.push(line);
      line = word;
    }
  }
  lines.push(line);
  const kept = lines.slice(0, most);
  const isAll = kept.length === lines.length;
  return kept.map((each, at) => {
    const last = !isAll && at === most - 1 ? `${each}${cut}` : each;
    return clip(last, width, cut);
  });
}
