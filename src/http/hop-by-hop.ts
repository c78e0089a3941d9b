/*
 * What a reverse proxy passes on and what it does not: the rules of the door, and of the relay to a
 * program. test/http/reverse-proxy.test.ts holds both to one table.
 */

/** What belongs to one connection, not to the message: RFC 9110 §7.6.1. We speak for ourselves. */
export const HOP_BY_HOP: readonly string[] = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

/** What says how long a message is, and whom it is for: no Connection takes that away. */
const KEPT: ReadonlySet<string> = new Set(['content-length', 'host', 'transfer-encoding']);
/** What Connection says of the connection itself; it names no line. */
const OPTIONS: ReadonlySet<string> = new Set(['', 'close', 'keep-alive']);

/**
 * Takes out the lines that a Connection line names.
 * @param lines name, value, name, value…
 * @param connection the values of all Connection lines, with commas between them
 */
export function dropNamed(lines: string[], connection: string): void {
  for (const token of connection.toLowerCase().split(',')) {
    const named = token.trim();
    if (OPTIONS.has(named) || KEPT.has(named)) continue;
    for (let at = lines.length - 2; at >= 0; at -= 2) {
      if (lines[at]?.toLowerCase() === named) lines.splice(at, 2);
    }
  }
}

/** RFC 9110 §6.5.1: framing, routing and authentication do not come late; nor does our own. */
const NEVER_LATE: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  ...KEPT,
  ...['authorization', 'expect', 'proxy-authorization', 'set-cookie', 'x-served-by'],
]);

/** The trailer lines that may go on, as node's addTrailers takes them. */
export function sendableTrailers(raw: readonly (Buffer | string)[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let at = 0; at < raw.length; at += 2) {
    const name = latin1(raw[at]);
    if (!NEVER_LATE.has(name.toLowerCase())) pairs.push([name, latin1(raw[at + 1])]);
  }
  return pairs;
}

/** A header line's name or value, which has one byte for each character. */
export function latin1(bytes: Buffer | string | undefined): string {
  return typeof bytes === 'string' ? bytes : (bytes?.toString('latin1') ?? '');
}
