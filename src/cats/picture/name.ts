import { isUtf8 } from 'node:buffer';

const MAX_CHARACTERS = 100;
const FALLBACK = 'picture';

/**
 * A text that stands in the head of a form's part. What comes is its bytes, a character each: UTF-8,
 * or else Latin-1 as browsers mean it. One with larger characters is text already (`filename*`).
 */
export function textOfForm(given: string): string {
  if (/[^\0-\xff]/.test(given)) return given;
  const bytes = Buffer.from(given, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : new TextDecoder('windows-1252').decode(bytes);
}

/**
 * The clean base name of whatever a client calls its file: no path, no controls, no marks of what
 * could not be read, at most 100 characters.
 */
export function pictureName(given: string): string {
  const base = given.slice(-4_096).split(/[/\\]/).at(-1) ?? '';
  const clean = base.replace(/[\p{C}\p{Zl}\p{Zp}\ufffd]/gu, '').trim();
  const short = [...clean].slice(0, MAX_CHARACTERS).join('');
  return short === '' || short === '.' || short === '..' ? FALLBACK : short;
}
