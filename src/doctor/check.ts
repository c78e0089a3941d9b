import type { MeowError } from '../errors.ts';

/** What was looked at, whether it is well, and what to do where it is not. */
export interface Check {
  readonly check: string;
  /** `warn`: it goes on, and may not for ever. */
  readonly ok: true | false | 'warn';
  readonly says: string;
  readonly remedy: string | null;
}

export function well(check: string, says: string): Check {
  return { check, ok: true, says, remedy: null };
}

export function warn(check: string, says: string, remedy: string): Check {
  return { check, ok: 'warn', says, remedy };
}

export function bad(check: string, says: string, remedy: string): Check {
  return { check, ok: false, says, remedy };
}

/** What failed in a way that we know. */
export function failed(check: string, { message, remedy }: MeowError): Check {
  return bad(check, message, remedy);
}

/** What checks find, or that they did not come to an end in time. */
export async function within(
  check: string,
  limitMs: number,
  look: () => Promise<readonly Check[]>,
): Promise<readonly Check[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<readonly Check[]>((resolve) => {
    const says = `no answer within ${limitMs / 1_000} s`;
    const remedy = 'See what it waits for, and ask again';
    timer = setTimeout(() => resolve([bad(check, says, remedy)]), limitMs);
  });
  return Promise.race([look(), late]).finally(() => clearTimeout(timer));
}

/** `1 server`, `3 servers`. */
export function counted(count: number, one: string): string {
  return `${count} ${one}${count === 1 ? '' : 's'}`;
}

/** The first few of many. */
export function some(names: readonly string[]): string {
  const shown = names.slice(0, 5).join(', ');
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}
