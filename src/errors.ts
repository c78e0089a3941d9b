/** What a script learns from the process: README.md, "Exit codes". */
export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  nothing: 3,
  redis: 4,
  timeout: 5,
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** An error a person can act on: `message` names the value, `remedy` says what to do next. */
export class MeowError extends Error {
  readonly code: string;
  readonly remedy: string;
  readonly exitCode: ExitCode;

  constructor(
    code: string,
    message: string,
    remedy: string,
    exitCode: ExitCode,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
    this.remedy = remedy;
    this.exitCode = exitCode;
  }
}

/** Asked for in a way that cannot be right: exit 2. */
export class UsageError extends MeowError {
  constructor(message: string, remedy: string, options?: ErrorOptions) {
    super('usage', message, remedy, exitCodes.usage, options);
  }
}

/** Asked for rightly, and could not be done: exit 1. */
export class FailedError extends MeowError {
  constructor(code: string, message: string, remedy: string, options?: ErrorOptions) {
    super(code, message, remedy, exitCodes.failed, options);
  }
}

/** No such server, no message, an empty queue: exit 3. */
export class NothingError extends MeowError {
  constructor(message: string, remedy: string) {
    super('nothing', message, remedy, exitCodes.nothing);
  }
}

/** Not ready or not gone in time: exit 5. */
export class TimeoutError extends MeowError {
  constructor(code: string, message: string, remedy: string, options?: ErrorOptions) {
    super(code, message, remedy, exitCodes.timeout, options);
  }
}

/** A child that never got ready: exit 5, with the last lines of its log. */
export class NotReadyError extends TimeoutError {
  readonly logTail: readonly string[];

  constructor(message: string, remedy: string, logTail: readonly string[], options?: ErrorOptions) {
    super('not-ready', message, remedy, options);
    this.logTail = logTail;
  }
}

/** Ctrl-C: exit 130. */
export class InterruptedError extends MeowError {
  constructor(message: string, remedy: string) {
    super('interrupted', message, remedy, exitCodes.interrupted);
  }
}

/** What fails in a way we know; anything else is thrown on. */
export function toMeowError(error: unknown): MeowError {
  if (error instanceof MeowError) return error;
  throw error;
}

/**
 * `unavailable`: no answer to be had. `refused`: an answer, and it is no. `full`: no room. `damaged`:
 * a key holds something else.
 */
export type StoreErrorKind = 'unavailable' | 'refused' | 'full' | 'damaged';

/**
 * Redis could not do what was asked: exit 4 where it is out of reach or will not have us, else 1.
 * HTTP 503, or 507 when full.
 */
export class StoreError extends MeowError {
  readonly kind: StoreErrorKind;

  constructor(kind: StoreErrorKind, message: string, remedy: string, options?: ErrorOptions) {
    const noUse = kind === 'unavailable' || kind === 'refused';
    const exitCode = noUse ? exitCodes.redis : exitCodes.failed;
    super(`store-${kind}`, message, remedy, exitCode, options);
    this.kind = kind;
  }
}

/** Redis is out of reach: the store says so itself, once, and the next try may find it. */
export function isOutage(error: unknown): error is StoreError {
  return error instanceof StoreError && error.kind === 'unavailable';
}

/**
 * Does all of it, one after the other: what fails keeps nothing after it from being done.
 * @throws the first failure, once all is done
 */
export async function inTurn(steps: readonly (() => unknown)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
