/** What stands where nothing is known. */
export const UNKNOWN = '–';

const LARGE = [
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
] as const;

/** `7`, `999`, `1.2 k`, `34 M`. */
export function count(value: number | null): string {
  if (value === null) return UNKNOWN;
  const [size, unit] = scaleOf(value);
  return unit ? `${digits(value / size)} ${unit}` : String(Math.round(value));
}

/** `0`, `0.4`, `12`, `1.2 k`. */
export function rate(value: number | null): string {
  if (value === null) return UNKNOWN;
  return value >= 1_000 ? count(value) : digits(value);
}

/** `0.4 ms`, `120 ms`, `1.5 s`. */
export function milliseconds(value: number | null): string {
  if (value === null) return UNKNOWN;
  return value < 1_000 ? `${digits(value)} ms` : `${digits(value / 1_000)} s`;
}

/** `0 B`, `17 kB`, `64 MB`. */
export function bytes(value: number | null): string {
  if (value === null) return UNKNOWN;
  const [size, unit] = scaleOf(value);
  return `${digits(value / size)} ${unit}B`;
}

/** A share of a core: `42 %`. */
export function share(value: number | null): string {
  return value === null ? UNKNOWN : `${digits(value * 100)} %`;
}

/** The time of day here, with seconds. */
export function timeOfDay(at: number): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return UNKNOWN;
  const parts = [date.getHours(), date.getMinutes(), date.getSeconds()];
  return parts.map((part) => String(part).padStart(2, '0')).join(':');
}

/** `1 server`, `2 servers`. */
export function many(amount: number, one: string): string {
  return `${amount} ${one}${amount === 1 ? '' : 's'}`;
}

function scaleOf(value: number): readonly [size: number, unit: string] {
  return LARGE.find(([least]) => value >= least) ?? [1, ''];
}

/** Whole from ten on, below that with one digit behind the point. */
function digits(value: number): string {
  return value >= 10 ? String(Math.round(value)) : value.toFixed(1).replace(/\.0$/, '');
}
