export interface ZonedTime {
  /** `2026-03-01` */
  readonly date: string;
  /** `14:03:07.120+02:00`, in UTC `12:03:07.120Z`. */
  readonly time: string;
}

/**
 * A moment as a person reads it: where this process runs (TZ), or in UTC.
 * @param atMs Unix ms
 */
export function zonedTime(atMs: number, utc = false): ZonedTime {
  const at = new Date(atMs);
  const minutesAhead = utc ? 0 : -at.getTimezoneOffset();
  const text = new Date(atMs + minutesAhead * 60_000).toISOString();
  return { date: text.slice(0, 10), time: text.slice(11, 23) + (utc ? 'Z' : offset(minutesAhead)) };
}

/** As RFC 3339 has it. */
function offset(minutesAhead: number): string {
  const sign = minutesAhead < 0 ? '-' : '+';
  const minutes = Math.abs(minutesAhead);
  return `${sign}${twoDigits(Math.floor(minutes / 60))}:${twoDigits(minutes % 60)}`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
