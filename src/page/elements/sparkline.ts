const HEIGHT = 20;
/** Half the line's width stays inside at the top and at the bottom. */
const INSET = 1;
/** A scale of its own for each line, but less than this is not blown up to full height. */
const LEAST_TOP = 1;

/** One unit of the drawing for each second of a minute. */
const WIDTH = 60;

/** What draws one line anew. */
type Draw = (values: readonly number[]) => void;

/**
 * Makes sparklines that are drawn only where they are to be seen: of a hundred servers a quarter is,
 * and drawing is most of what an update costs.
 */
export function createSparklines(): (line: SVGPathElement) => Draw {
  const onSeen = new WeakMap<Element, (isSeen: boolean) => void>();
  const observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) onSeen.get(target)?.(isIntersecting);
  });
  return (line) => {
    let isSeen = false;
    let latest: readonly number[] = [];
    const draw = () => line.setAttribute('d', sparkPath(latest, WIDTH));
    const box = line.ownerSVGElement ?? line;
    onSeen.set(box, (is) => {
      isSeen = is;
      if (is) draw();
    });
    observer.observe(box);
    return (values) => {
      latest = values;
      if (isSeen) draw();
    };
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
