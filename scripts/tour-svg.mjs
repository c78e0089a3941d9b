// Draws a recorded terminal session as an animated SVG: each line once, shown from its moment on, on a
// screen that rolls in steps. Without animation it is the session from its start.

const CELL = { width: 8.4, height: 18 };
const MARGIN = 16;
const BAR = 30;
/** Pixels reach under those below them: else the ground shows between rows. */
const SEAM = 0.6;
const START_MS = 600;
const TYPE_MS = 45;
const READ_MS = { least: 900, perLine: 220, most: 4_500 };
const WAIT_MS = { least: 250, most: 1_500 };
const END_MS = 6_000;

/** The first colours of terminals, as they can be read on dark and on light ground. */
const NAMES = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'];
const DARK = '#6e7681 #ff7b72 #7ee787 #e3b341 #79c0ff #d2a8ff #76e3ea #f0f6fc'.split(' ');
const LIGHT = '#59636e #cf222e #116329 #7d4e00 #0550ae #8250df #1b7c83 #1f2328'.split(' ');

/**
 * A text of one look.
 * @typedef {{ text: string, column: number, fore?: string | number, ground?: string | number,
 *   bold?: boolean, dim?: boolean }} Run
 */

/**
 * @param {{ command: string, ms: number, lines: Run[][] }[]} scenes
 * @param {{ columns: number, rows: number }} screen
 */
export function drawTour(scenes, { columns, rows }) {
  const film = timed(scenes, rows);
  const width = Math.ceil(columns * CELL.width + 2 * MARGIN);
  const height = Math.ceil(rows * CELL.height + 2 * MARGIN + BAR);
  const label =
    'A terminal: meowctl starts a fleet, loses a server, rolls it out anew and draws a cat';
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${label}">
<style>
${style(film)}
</style>
<rect class="ground" x=".5" y=".5" width="${width - 1}" height="${height - 1}" rx="8"/>
${[20, 38, 56].map((x) => `<circle class="dot" cx="${x}" cy="17" r="5.5"/>`).join('')}
<svg x="${MARGIN}" y="${BAR}" width="${width - 2 * MARGIN}" height="${rows * CELL.height + 6}"><g class="roll">
${film.lines.map(drawLine).join('\n')}
</g></svg>
</svg>
`;
}

/** When each line comes, and how far the screen has rolled by then. */
function timed(scenes, rows) {
  const lines = [];
  const rolls = [];
  let ms = START_MS;
  const add = (runs, typedMs = 0) => {
    lines.push({ runs, row: lines.length, ms, typedMs });
    const top = lines.length - rows;
    if (top <= 0) return;
    if (rolls.at(-1)?.ms === ms) rolls.pop();
    rolls.push({ ms, top });
  };
  for (const scene of scenes) {
    const typedMs = scene.command.length * TYPE_MS;
    add([{ text: `$ ${scene.command}`, column: 0 }], typedMs);
    ms += typedMs + clamp(scene.ms, WAIT_MS);
    for (const runs of scene.lines) add(runs);
    ms += clamp(scene.lines.length * READ_MS.perLine, READ_MS);
  }
  return { lines, rolls, ms: ms + END_MS };
}

function clamp(value, { least, most }) {
  return Math.min(most, Math.max(least, value));
}

const round = (value) => Number(value.toFixed(2));

function style({ lines, rolls, ms }) {
  const at = (moment) => `${round((moment / ms) * 100)}%`;
  const moments = [...new Set(lines.map((line) => line.ms))];
  const shown = moments.map(
    (moment) =>
      `@keyframes m${moment | 0}{0%{opacity:0}${at(moment)}{opacity:1}}.m${moment | 0}{animation-name:m${moment | 0}}`,
  );
  const typed = lines
    .filter(({ typedMs }) => typedMs > 0)
    .map(({ row, typedMs, runs, ms: moment }) => {
      const letters = runs[0].text.length - 2;
      const hidden = `inset(0 ${round(letters * CELL.width)}px 0 0)`;
      const steps = `animation-timing-function:steps(${letters})`;
      const keys = `0%{clip-path:${hidden}}${at(moment)}{clip-path:${hidden};${steps}}${at(moment + typedMs)}{clip-path:inset(0)}`;
      return `@keyframes t${row}{${keys}}.t${row}{animation-name:m${moment | 0},t${row}}`;
    });
  const rolled = rolls.map(
    ({ ms: moment, top }) => `${at(moment)}{transform:translateY(${-top * CELL.height}px)}`,
  );
  const last = rolled.at(-1)?.replace(/^[^{]*/, '100%') ?? '';
  const colors = (values) => NAMES.map((name, n) => `.${name}{fill:${values[n]}}`).join('');
  return [
    'text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#e6edf3;white-space:pre}',
    `.ground{fill:#0d1117;stroke:#3d444d}.dot{fill:#3d444d}.bold{font-weight:700}.dim{opacity:.7}${colors(DARK)}`,
    `@media(prefers-color-scheme:light){text{fill:#1f2328}.ground{fill:#f6f8fa;stroke:#d1d9e0}.dot{fill:#d1d9e0}${colors(LIGHT)}}`,
    `.l,.roll{animation:${ms | 0}ms steps(1) infinite}`,
    ...shown,
    ...typed,
    `@keyframes roll{0%{transform:none}${rolled.join('')}${last}}.roll{animation-name:roll}`,
    '@media(prefers-reduced-motion:reduce){*{animation:none!important}}',
  ].join('\n');
}

function drawLine({ runs, row, ms, typedMs }) {
  const top = row * CELL.height;
  const isPicture = runs.some(({ text }) => /[▀▄]/.test(text));
  const classes = `l m${ms | 0}${typedMs > 0 ? ` t${row}` : ''}`;
  const drawn = isPicture ? drawPixels(runs, top) : runs.map((run) => drawRun(run, top)).join('');
  const crisp = isPicture ? ' shape-rendering="crispEdges"' : '';
  return `<g class="${classes}"${crisp}>${drawn}</g>`;
}

// Each run has its place and its length, so that columns stand whatever the font is.
function drawRun({ text, column, fore, bold, dim }, top) {
  const shown = text.trimEnd();
  if (shown === '') return '';
  const names = [typeof fore === 'number' ? NAMES[fore % 8] : '', bold && 'bold', dim && 'dim'];
  const classes = names.filter(Boolean).join(' ');
  const place = `x="${round(column * CELL.width)}" y="${top + 14}" textLength="${round(shown.length * CELL.width)}"`;
  const escaped = shown.replace(/[&<>]/g, (char) => `&#${char.charCodeAt(0)};`);
  return `<text ${place}${classes && ` class="${classes}"`}>${escaped}</text>`;
}

function drawPixels(runs, top) {
  const cells = runs.flatMap(({ text, fore, ground }) =>
    [...text].map((char) =>
      char === '▀' ? [fore, ground] : char === '▄' ? [ground, fore] : [ground, ground],
    ),
  );
  const half = CELL.height / 2;
  return [0, 1]
    .flatMap((part) => {
      const bars = [];
      cells.forEach((cell, column) => {
        const color = cell[part];
        const bar = bars.at(-1);
        if (bar && bar.color === color && bar.end === column) bar.end += 1;
        else if (typeof color === 'string') bars.push({ color, column, end: column + 1 });
      });
      return bars.map(({ color, column, end }) => {
        const [x, right] = [round(column * CELL.width), round(end * CELL.width)];
        return `<path fill="${color}" d="M${x} ${top + part * half}H${right}v${half + SEAM}H${x}"/>`;
      });
    })
    .join('');
}

/**
 * What stands in each line of a screen, as tmux captures it: a look goes on in the next line.
 * @param {string[]} lines
 * @returns {Run[][]}
 */
export function paintedLines(lines) {
  let look = {};
  return lines.map((line) => {
    const runs = [];
    let column = 0;
    for (const [, sequence, text] of line.matchAll(/\u001b\[([\d;]*)m|([^\u001b]+)/g)) {
      if (text === undefined) look = changed(look, sequence);
      else {
        runs.push({ ...look, text, column });
        column += [...text].length;
      }
    }
    return runs;
  });
}

function changed(look, sequence) {
  const codes = sequence.split(';').map(Number);
  let next = look;
  while (codes.length > 0) next = changedBy(codes.shift() ?? 0, codes, next);
  return next;
}

/** @param codes what follows it */
function changedBy(code, codes, look) {
  const simple = {
    1: { bold: true },
    2: { dim: true },
    22: { bold: false, dim: false },
    39: { fore: undefined },
    49: { ground: undefined },
  };
  if (code === 0) return {};
  if (code === 38) return { ...look, fore: wide(codes) };
  if (code === 48) return { ...look, ground: wide(codes) };
  if ((code >= 30 && code < 38) || (code >= 90 && code < 98))
    return { ...look, fore: (code - 30) % 60 };
  return { ...look, ...simple[code] };
}

// 24 bits of colour; of the palette, its first colours.
function wide(codes) {
  if (codes.shift() !== 2) return (codes.shift() ?? 0) % 8;
  return `#${codes
    .splice(0, 3)
    .map((part) => part.toString(16).padStart(2, '0'))
    .join('')}`;
}
