// C0, DEL, C1 controls, and the bidirectional and zero-width marks that can disguise a text.
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
const MAX_QUOTED = 80;

/** A text from outside, with every control character escaped, fit for a terminal, a log line or the page. */
export function plain(text: string): string {
  return text.replace(UNSAFE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** A value as an error message names it: quoted, escaped, at most 80 characters. */
export function quote(value: unknown): string {
  return `"${shortened(plain(String(value)), MAX_QUOTED)}"`;
}

/** At most so many characters, the last of them `…` where some are missing. */
function shortened(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

/** The message of whatever was thrown. */
export function reason(error: unknown): string {
  return plain(error instanceof Error ? error.message : String(error));
}
