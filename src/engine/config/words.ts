import { bracket } from '../../address.ts';

/*
 * How texts stand in a configuration of HAProxy: section 2.2 of its manual. In strong quotes nothing
 * has a meaning; in weak ones `\n` and `"` can be written, and `$` would be a variable.
 */

/** A text as one word, whatever is in it but a line's end: a strong quote stands outside of quotes. */
export function literal(text: string): string {
  return /^[\w./:,@-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** A text of several lines, or with quotes. */
export function quoted(text: string): string {
  return JSON.stringify(text).replaceAll('$', '\\$');
}

/** Milliseconds as HAProxy reads them; 0 would be no limit at all. */
export function ms(value: number): string {
  return `${Math.max(1, Math.round(value))}ms`;
}

/** An address with its port, as `bind` and `server` want it. */
export function socketAddress(host: string, port: number): string {
  return `${bracket(host)}:${port}`;
}
