import { StoreError } from '../../errors.ts';

/** What some of those who were asked said, in the order in which it came. */
export interface Gathered<T> {
  readonly answers: readonly T[];
  readonly failures: readonly StoreError[];
}

/** How long the others have, once the first has answered: one that hangs holds nobody up. */
const TOGETHER_MS = 100;

/** One question to one of them; once its answer is of no use, it is to leave no socket behind. */
export type Ask<T> = (needless: AbortSignal) => Promise<T>;

interface Patience {
  readonly togetherMs?: number;
  /** Ends all of it early. */
  readonly needless?: AbortSignal | undefined;
}

/**
 * Asks several who know the same, of whom some may be gone.
 * @throws what is no StoreError: a mistake of ours
 */
export async function gather<T>(
  asks: readonly Ask<T>[],
  { togetherMs = TOGETHER_MS, needless }: Patience = {},
): Promise<Gathered<T>> {
  const over = new AbortController();
  const signal = needless ? AbortSignal.any([needless, over.signal]) : over.signal;
  try {
    return await firstTogether(
      asks.map((ask) => ask(signal)),
      togetherMs,
    );
  } finally {
    over.abort();
  }
}

function firstTogether<T>(asked: readonly Promise<T>[], togetherMs: number): Promise<Gathered<T>> {
  return new Promise((resolve, reject) => {
    const answers: T[] = [];
    const failures: StoreError[] = [];
    let limit: NodeJS.Timeout | undefined;
    const done = () => {
      clearTimeout(limit);
      resolve({ answers: [...answers], failures: [...failures] });
    };
    const another = () => {
      if (answers.length + failures.length === asked.length) done();
    };
    for (const each of asked) {
      each.then(
        (answer) => {
          answers.push(answer);
          limit ??= setTimeout(done, togetherMs);
          another();
        },
        (error: unknown) => {
          if (!(error instanceof StoreError)) return reject(error);
          failures.push(error);
          another();
        },
      );
    }
  });
}

/** Why none of them was of use, as one error: a refusal has to be mended, an outage may pass. */
export function noneOf(failures: readonly StoreError[], message: string): StoreError {
  const refused = failures.find(({ kind }) => kind !== 'unavailable');
  const told = refused ?? failures[0];
  const why = [...new Set(failures.map((each) => each.message))].join('; ');
  const remedy = told?.remedy ?? 'Correct REDIS_URL';
  return new StoreError(refused?.kind ?? 'unavailable', `${message}: ${why}`, remedy, {
    cause: told?.cause,
  });
}
