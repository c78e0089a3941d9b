import { duration } from '../../time/duration.ts';

const MINUTE_MS = 60_000;
const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;
const STEP = 1_000;
/** Below this, one digit behind the point says something. */
const FINE = 100;

/** `0.4 s`, `59.9 s`, then `1m 2s`. */
export function elapsed(ms: number): string {
  return ms < MINUTE_MS ? `${(Math.floor(ms / 100) / 10).toFixed(1)} s` : duration(ms);
}

/** `812 B`, `1.4 kB`, `13.0 MB`: in steps of 1,000, as disks and networks count. */
export function bytesInWords(bytes: number): string {
  let value = bytes;
  let at = 0;
  while (value >= STEP && at < UNITS.length - 1) {
    value /= STEP;
    at += 1;
  }
  const digits = at > 0 && value < FINE ? 1 : 0;
  return `${value.toFixed(digits)} ${UNITS[at]}`;
}
