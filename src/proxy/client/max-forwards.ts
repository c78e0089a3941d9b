const NUMBER = /^\d+$/;

/**
 * An OPTIONS request may say how many hops it goes: RFC 9110 §7.6.2. Gives the lines for the next,
 * others than those that came: they may be of use for the next request of the connection.
 */
export function oneHopLess(lines: string[]): string[] | 'last hop' | 'no number' {
  const ats = lines.flatMap((name, at) => (at % 2 === 0 && isMaxForwards(name) ? [at + 1] : []));
  const [at] = ats;
  if (at === undefined) return lines;
  const value = lines[at] ?? '';
  if (ats.length > 1 || !NUMBER.test(value)) return 'no number';
  if (Number(value) === 0) return 'last hop';
  return lines.with(at, String(Math.min(Number(value) - 1, Number.MAX_SAFE_INTEGER)));
}

function isMaxForwards(name: string): boolean {
  return name.length === 'max-forwards'.length && name.toLowerCase() === 'max-forwards';
}
