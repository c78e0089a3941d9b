const MAX_CHARACTERS = 100;
const FALLBACK = 'picture';

/** The clean base name of whatever a client calls its file: no path, no controls, at most 100 characters. */
export function pictureName(given: string): string {
  const base = given.slice(-4_096).split(/[/\\]/).at(-1) ?? '';
  const clean = base.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '').trim();
  const short = [...clean].slice(0, MAX_CHARACTERS).join('');
  return short === '' || short === '.' || short === '..' ? FALLBACK : short;
}
