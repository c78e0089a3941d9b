// Source maps: https://tc39.es/ecma426/. Only what is needed to leave sources out of one.

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const VALUES = new Map([...DIGITS].map((digit, value) => [digit, value]));

/**
 * A map without the sources that `rename` gives no name, and without names and contents: what comes
 * from those maps to nothing. The map of the whole bundle is as large as the bundle.
 * @param {{ sources: string[], mappings: string }} map
 * @param {(source: string) => string | null} rename
 */
export function keepSources({ sources, mappings }, rename) {
  const kept = sources.map(rename);
  const names = kept.filter((name) => name !== null);
  const numbers = kept.map((name) => (name === null ? -1 : names.indexOf(name)));
  return { version: 3, sources: names, names: [], mappings: keepSegments(mappings, numbers) };
}

function keepSegments(mappings, numbers) {
  const at = [0, 0, 0, 0]; // column, source, line, column there
  const last = [0, 0, 0, 0];
  return mappings
    .split(';')
    .map((line) => {
      at[0] = 0;
      last[0] = 0;
      let isNothing = false;
      const segments = [];
      for (const text of line.split(',').filter(Boolean)) {
        decode(text).forEach((step, field) => {
          if (field < at.length) at[field] += step;
        });
        const source = text.length > 1 ? (numbers[at[1]] ?? -1) : -1;
        if (source === -1 && isNothing) continue;
        isNothing = source === -1;
        const now = isNothing ? [at[0]] : [at[0], source, at[2], at[3]];
        segments.push(encode(now.map((value, field) => value - last[field])));
        now.forEach((value, field) => {
          last[field] = value;
        });
      }
      return segments.join(',');
    })
    .join(';');
}

function decode(text) {
  const numbers = [];
  let [value, shift] = [0, 0];
  for (const digit of text) {
    const bits = VALUES.get(digit) ?? 0;
    value |= (bits & 31) << shift;
    shift += 5;
    if (bits & 32) continue;
    numbers.push(value & 1 ? -(value >> 1) : value >> 1);
    [value, shift] = [0, 0];
  }
  return numbers;
}

function encode(numbers) {
  return numbers.map(encodeOne).join('');
}

function encodeOne(number) {
  let left = number < 0 ? (-number << 1) | 1 : number << 1;
  let text = '';
  do {
    const bits = left & 31;
    left >>>= 5;
    text += DIGITS[left > 0 ? bits | 32 : bits];
  } while (left > 0);
  return text;
}
