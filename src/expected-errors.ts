import { MeowError, StoreError } from './errors.ts';
import { plain, reason, systemReason } from './text.ts';

/**
 * For `catch`, where it does not matter that Redis could not: gives this instead. Anything else is
 * thrown on.
 */
export function withoutRedis<T>(instead: T): (error: unknown) => T {
  return (error) => {
    if (error instanceof StoreError) return instead;
    throw error;
  };
}

/** The same for what the system refused. */
export function withoutSystem<T>(instead: T): (error: unknown) => T {
  return (error) => {
    if (isOfSystem(error)) return instead;
    throw error;
  };
}

/** An error of the system, such as ENOSPC or ECONNRESET. */
export function isOfSystem(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  return error instanceof Error && typeof code === 'string' && /^E(?!RR_)[A-Z0-9]+$/.test(code);
}

/** An error that nobody foresaw: a mistake in our own code. */
export function isMistake(error: unknown): boolean {
  return error instanceof Error && !(error instanceof MeowError) && !isOfSystem(error);
}

/** One line for a log: with its remedy where there is one, with its stack where it is a bug. */
export function troubleInWords(error: unknown): string {
  if (error instanceof MeowError) return `${plain(error.message)}. ${error.remedy}`;
  if (!(error instanceof Error)) return reason(error);
  if (isMistake(error)) return plain(stackLine(error));
  const { path } = error as NodeJS.ErrnoException;
  return path === undefined ? systemReason(error) : `${systemReason(error)} (${plain(path)})`;
}

function stackLine({ stack, name, message }: Error): string {
  return (stack ?? `${name}: ${message}`).replace(/\n\s*/g, ' ');
}
