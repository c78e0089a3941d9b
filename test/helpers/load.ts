/** What a load has seen so far. */
export interface Seen {
  readonly sent: number;
  /** Every answer that was not as expected, in words. */
  readonly failures: readonly string[];
  readonly durationsMs: readonly number[];
}

export interface LoadOptions {
  readonly loops?: number;
  /** What is fine besides 200. */
  readonly allowed?: readonly number[];
  /** The method of the n-th request. */
  readonly method?: (at: number) => string;
}

/** Loops that ask one after the other until `stop` is called. Answers are read to their end. */
export function keepAsking(url: string, options: LoadOptions = {}) {
  const { loops = 4, allowed = [], method = () => 'GET' } = options;
  const failures: string[] = [];
  const durationsMs: number[] = [];
  let going = true;
  let sent = 0;
  const ask = async () => {
    sent += 1;
    const startMs = performance.now();
    const answer = await fetch(url, { method: method(sent) });
    await answer.arrayBuffer();
    durationsMs.push(performance.now() - startMs);
    const isFine = answer.status === 200 || allowed.includes(answer.status);
    if (!isFine)
      failures.push(`${answer.status} after ${Math.round(performance.now() - startMs)} ms`);
  };
  const loop = async () => {
    while (going) await ask().catch((error: Error) => failures.push(error.message));
  };
  const running = Promise.all(Array.from({ length: loops }, loop));
  return {
    seen: (): Seen => ({ sent, failures, durationsMs }),
    async stop(): Promise<Seen> {
      going = false;
      await running;
      return { sent, failures, durationsMs };
    },
  };
}

/** The value that this part of them is not above. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}
