/** How long a share of a core is taken over: beats are seen up to a second late. */
const WINDOW_MS = 10_000;

interface Mark {
  readonly atMs: number;
  readonly cpuMs: number;
}

/** What share of a core servers use, from the CPU time that each tells with its beats. */
export class CpuShares {
  readonly #marks = new Map<string, Mark[]>();

  /** @returns null until it has told twice */
  share(id: string, cpuMs: number, nowMs: number): number | null {
    const marks = this.#marks.get(id) ?? [];
    const last = marks.at(-1);
    // Time that goes back is another process' under the same id.
    if (last && cpuMs < last.cpuMs) marks.length = 0;
    if (cpuMs !== marks.at(-1)?.cpuMs) marks.push({ atMs: nowMs, cpuMs });
    while (marks.length > 2 && nowMs - (marks[0]?.atMs ?? nowMs) > WINDOW_MS) marks.shift();
    this.#marks.set(id, marks);
    return shareOf(marks, nowMs);
  }

  /** Forgets those that are not among these. */
  keepOnly(ids: ReadonlySet<string>): void {
    for (const id of this.#marks.keys()) if (!ids.has(id)) this.#marks.delete(id);
  }
}

// One that tells the same time again has used none since.
function shareOf(marks: readonly Mark[], nowMs: number): number | null {
  const [first, last] = [marks[0], marks.at(-1)];
  if (!first || !last || marks.length < 2) return null;
  const isOld = nowMs - last.atMs > WINDOW_MS;
  const ms = (isOld ? nowMs : last.atMs) - first.atMs;
  const share = ms > 0 ? (last.cpuMs - first.cpuMs) / ms : 0;
  return Math.round(share * 1_000) / 1_000;
}
