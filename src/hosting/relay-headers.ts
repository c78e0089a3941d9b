import { isAmbiguous } from '../http/framing.ts';
import { dropNamed, HOP_BY_HOP } from '../http/hop-by-hop.ts';

const NAMES: ReadonlySet<string> = new Set(HOP_BY_HOP);
const NONE: ReadonlySet<string> = new Set();

/** Exceptions to the rules for one message. */
export interface Exceptions {
  /** End-to-end lines that do not go on all the same. */
  readonly drop?: ReadonlySet<string>;
  /** Lines of the connection that go on, as they say the same of the one on our other side. */
  readonly keep?: ReadonlySet<string>;
}

/** The lines that go on: neither those of the connection nor the ones that it names. */
export function endToEnd(
  raw: readonly string[],
  { drop = NONE, keep = NONE }: Exceptions = {},
): string[] {
  const goes = (name: string) => (!NAMES.has(name) || keep.has(name)) && !drop.has(name);
  const lines = raw.filter((_, at) => goes((raw[at - (at % 2)] ?? '').toLowerCase()));
  dropNamed(lines, valuesOf(raw, 'connection').join());
  return lines;
}

export function isChunked(raw: readonly string[]): boolean {
  return valuesOf(raw, 'transfer-encoding').length > 0;
}

/** Neither a length nor chunks: no body, or one that ends with its connection. */
export function isUnframed(raw: readonly string[]): boolean {
  return !isChunked(raw) && valuesOf(raw, 'content-length').length === 0;
}

/** Framing that is never passed on. */
export function hasAmbiguousFraming(raw: readonly string[]): boolean {
  const codings = valuesOf(raw, 'transfer-encoding');
  return isAmbiguous(valuesOf(raw, 'content-length').length, codings.length, codings.at(-1) ?? '');
}

function valuesOf(raw: readonly string[], name: string): string[] {
  return raw.filter((_, at) => at % 2 === 1 && raw[at - 1]?.toLowerCase() === name);
}
