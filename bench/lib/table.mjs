/**
 * @typedef {object} Row one line of the result
 * @property {string} what
 * @property {number} value
 * @property {number | null} [atMost] null or absent: for information
 * @property {readonly [number, number]} [interval] of a ratio near 1, its 95 % interval: that decides
 * @property {any} [detail] of a row that a part draws in a table of its own; `--json` prints it
 * @property {string} [unit] what stands behind the value; a ratio has none
 */

/** @param {Row} row */
export function missed({ value, atMost = null, interval }) {
  return atMost !== null && !((interval ? interval[0] : value) <= atMost);
}

/** @param {readonly Row[]} rows */
export function resultTable(rows) {
  return textTable(
    ['what', 'measured', 'at most', ''],
    rows
      .filter(({ detail }) => detail === undefined)
      .map((row) => [
        row.what,
        `${row.value.toFixed(2)}${row.unit ?? ''}${between(row)}`,
        row.atMost === null || row.atMost === undefined ? '–' : `${row.atMost}${row.unit ?? ''}`,
        verdict(row),
      ]),
  );
}

function verdict(row) {
  if (row.atMost === null || row.atMost === undefined) return '';
  if (missed(row)) return 'MISSED';
  return row.interval && row.interval[1] > row.atMost ? 'not shown' : 'ok';
}

/** @param {Row} row */
function between({ interval }) {
  return interval ? ` (${interval.map((end) => end.toFixed(3)).join('–')})` : '';
}

/**
 * @param {readonly string[]} head
 * @param {readonly (readonly string[])[]} lines
 */
export function textTable(head, lines) {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...lines.map((line) => line[column].length)),
  );
  const draw = (cells) => cells.map((cell, column) => pad(cell, column, widths)).join('  ');
  return [head, widths.map((width) => '-'.repeat(width)), ...lines]
    .map((cells) => draw(cells).trimEnd())
    .join('\n');
}

function pad(cell, column, widths) {
  return column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]);
}
