const HEIGHT = 20;
/** Half the line's width stays inside at the top and at the bottom. */
const INSET = 1;
/** A scale of its own for each line, but less than this is not blown up to full height. */
const LEAST_TOP = 1;

/** One unit of the drawing for each second of a minute. */
const WIDTH = 60;

/** @returns what draws the line anew; where it would be the same, the element is left alone */
export function createSparkline(line: SVGPathElement): (values: readonly number[]) => void {
  let drawn = '';
  return (values) => {
    const path = sparkPath(values, WIDTH);
    if (path === drawn) return;
    line.setAttribute('d', path);
    drawn = path;
  };
}

/** The line of a sparkline as an SVG path: one unit a value, `width` of them, the newest at the right. */
export function sparkPath(values: readonly number[], width: number): string {
  const shown = values.slice(-width);
  if (shown.length < 2) return '';
  const top = Math.max(LEAST_TOP, ...shown);
  const start = width - shown.length;
  return shown.map((value, n) => `${n === 0 ? 'M' : 'L'}${start + n} ${yOf(value, top)}`).join('');
}

function yOf(value: number, top: number): number {
  const room = HEIGHT - 2 * INSET;
  return Math.round((HEIGHT - INSET - (value / top) * room) * 10) / 10;
}
