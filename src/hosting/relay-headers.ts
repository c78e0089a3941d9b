/** What belongs to one connection, not to the message: RFC 9110 §7.6.1. We speak for ourselves. */
const HOP: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'proxy-connection']);
/** What makes a message end where it does, and says whom it is for. */
const KEPT: ReadonlySet<string> = new Set(['content-length', 'transfer-encoding', 'host']);
// RFC 9110 §6.5.1: framing, routing and authentication do not come late.
const NEVER_LATE: ReadonlySet<string> = new Set([
  ...HOP,
  ...KEPT,
  ...['authorization', 'expect', 'proxy-authorization', 'set-cookie', 'te', 'trailer', 'upgrade'],
]);

export const FRAMING: ReadonlySet<string> = new Set(['content-length', 'transfer-encoding']);

/** The lines that go on: not those of the connection, nor the ones it names, nor `other`. */
export function endToEnd(raw: readonly string[], other: ReadonlySet<string>): string[] {
  const named = new Set(valuesOf(raw, 'connection').flatMap(words));
  for (const name of KEPT) named.delete(name);
  const goes = (name: string) => !HOP.has(name) && !named.has(name) && !other.has(name);
  return raw.filter((_, at) => goes((raw[at - (at % 2)] ?? '').toLowerCase()));
}

export function isChunked(raw: readonly string[]): boolean {
  return valuesOf(raw, 'transfer-encoding').length > 0;
}

/** Framing that two readers could understand in two ways. RFC 9112 §6.3. */
export function isAmbiguous(raw: readonly string[]): boolean {
  const codings = valuesOf(raw, 'transfer-encoding');
  if (codings.length === 0) return false;
  const both = codings.length + valuesOf(raw, 'content-length').length > 1;
  return both || codings[0]?.toLowerCase() !== 'chunked';
}

/** Neither a length nor chunks: it ends with its connection. */
export function isOpenEnded(raw: readonly string[]): boolean {
  return !raw.some((name, at) => at % 2 === 0 && FRAMING.has(name.toLowerCase()));
}

/** As node's addTrailers takes them. */
export function sendableTrailers(raw: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] ?? '';
    if (!NEVER_LATE.has(name.toLowerCase())) pairs.push([name, raw[at + 1] ?? '']);
  }
  return pairs;
}

function valuesOf(raw: readonly string[], wanted: string): string[] {
  return raw.filter((_, at) => at % 2 === 1 && raw[at - 1]?.toLowerCase() === wanted);
}

function words(list: string): string[] {
  return list.split(',').map((word) => word.trim().toLowerCase());
}
