import uPlot from 'uplot';
import { find, setText } from '../elements/find.ts';

/** A minute of one figure, drawn live. */
export interface Chart {
  /** Oldest first, one a second. */
  show(values: readonly (number | null)[]): void;
}

interface Figure {
  /** The ids of its elements begin with it. */
  readonly name: string;
  readonly title: string;
  readonly inWords: (value: number) => string;
}

const SECONDS = 60;
const HEIGHT_PX = 150;
/** A line that is all noughts stands at the foot of the chart. */
const LEAST_TOP = 1;
const times = Array.from({ length: SECONDS }, (_, n) => n - SECONDS + 1);

export function createChart(figure: Figure): Chart {
  const box = find(HTMLElement, `#${figure.name}-chart`);
  const readout = find(HTMLElement, `#${figure.name}-now`);
  let values: (number | null)[] = [];
  let plot = draw();

  function draw(): uPlot {
    const options = optionsOf(box, figure, sayAt);
    return new uPlot(options, [times, values], box);
  }

  function sayAt(at: number | null): void {
    const value = at === null ? null : values[at];
    setText(readout, value == null ? '' : `${figure.inWords(value)} ${momentInWords(at ?? 0)}`);
  }

  new ResizeObserver(() => plot.setSize({ width: box.clientWidth, height: HEIGHT_PX })).observe(
    box,
  );
  // The colours are page.css' own, and uPlot has drawn with the others.
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    plot.destroy();
    plot = draw();
  });

  return {
    show(shown) {
      values = lastMinute(shown);
      plot.setData([times, values]);
      sayAt(plot.cursor.idx ?? null);
      box.setAttribute('aria-label', summary(figure, values));
    },
  };
}

function momentInWords(at: number): string {
  const secondsAgo = SECONDS - 1 - at;
  return secondsAgo === 0 ? 'now' : `${secondsAgo} s ago`;
}

function lastMinute(values: readonly (number | null)[]): (number | null)[] {
  const known = values.slice(-SECONDS);
  return [...Array.from({ length: SECONDS - known.length }, () => null), ...known];
}

function summary({ title, inWords }: Figure, values: readonly (number | null)[]): string {
  const known = values.filter((value) => value !== null);
  const last = known.at(-1);
  if (last === undefined) return `${title} in the last minute: nothing yet`;
  return `${title} in the last minute: ${inWords(last)} now, at most ${inWords(Math.max(...known))}`;
}

function optionsOf(
  box: HTMLElement,
  { inWords }: Figure,
  onCursor: (at: number | null) => void,
): uPlot.Options {
  const colour = (name: string) => getComputedStyle(box).getPropertyValue(name);
  const axis = {
    stroke: colour('--muted'),
    font: `11px ${getComputedStyle(box).fontFamily}`,
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
  };
  return {
    width: box.clientWidth || SECONDS,
    height: HEIGHT_PX,
    padding: [8, 20, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
    scales: {
      x: { time: false, range: () => [1 - SECONDS, 0] },
      y: { range: (_, _least, most) => [0, Math.max(LEAST_TOP, (most ?? 0) * 1.1)] },
    },
    axes: [
      {
        ...axis,
        size: 24,
        splits: () => [-45, -30, -15, 0],
        values: (_, at) => at.map((s) => (s === 0 ? 'now' : `${-s} s ago`)),
      },
      { ...axis, size: 58, values: (_, at) => at.map(inWords) },
    ],
    series: [
      {},
      {
        stroke: colour('--accent'),
        fill: colour('--accent-wash'),
        width: 1.5,
        points: { show: false },
      },
    ],
    hooks: { setCursor: [({ cursor }) => onCursor(cursor.idx ?? null)] },
  };
}
