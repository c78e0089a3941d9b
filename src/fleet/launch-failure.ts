import {
  exitCodes,
  FailedError,
  InterruptedError,
  type MeowError,
  NotReadyError,
} from '../errors.ts';
import { quote, systemReason } from '../text.ts';
import { tails } from './logs.ts';
import type { Outcome } from './ready-pipe.ts';

const TAIL_LINES = 20;

interface Launched {
  /** What messages call it. */
  readonly name: string;
  readonly command: string;
  readonly logFile: string;
  readonly rawLogFile?: string;
  readonly readyTimeoutMs: number;
}

interface Ended {
  readonly exitCode: number | null;
  readonly signalCode: string | null;
}

type Failed = Exclude<Outcome, { kind: 'ready' }>;

export function cannotStart(command: string, cause: unknown): FailedError {
  const message = `cannot start ${quote(command)}: ${systemReason(cause)}`;
  return new FailedError('cannot-start', message, 'Check that it is there and may be run', {
    cause,
  });
}

/** What a launch that did not end in `ready` is called. */
export function failure(outcome: Failed, child: Ended, options: Launched): MeowError {
  if (outcome.kind === 'interrupted') return interrupted(options);
  if (outcome.kind === 'not-started') return cannotStart(options.command, outcome.cause);
  if (outcome.kind !== 'reported') {
    return notReady(outcome.kind === 'late' ? lateness(options) : exitOf(child), options);
  }
  // Only what it has no better code for: there its log tells more than its word.
  const { error } = outcome;
  if (error.exitCode !== exitCodes.timeout) return error;
  return notReady(`: ${error.message}`, options, error.remedy);
}

function notReady(
  what: string,
  { name, logFile, rawLogFile }: Launched,
  advice = '',
): NotReadyError {
  const remedy = [advice, `Its log is ${quote(logFile)}`].filter(Boolean).join('. ');
  const said = tails([logFile, rawLogFile ?? logFile], TAIL_LINES);
  return new NotReadyError(`${name}${what}`, remedy, said);
}

function lateness({ readyTimeoutMs }: Launched): string {
  return ` was not ready within ${readyTimeoutMs / 1_000} s`;
}

function exitOf({ exitCode, signalCode }: Ended): string {
  const how = exitCode === null ? `was ended by ${signalCode}` : `ended with exit code ${exitCode}`;
  return ` ${how} before it was ready`;
}

export function interrupted({ name }: Pick<Launched, 'name'>): InterruptedError {
  return new InterruptedError(`interrupted before ${name} was ready`, 'It was stopped');
}
