import {
  exitCodes,
  FailedError,
  InterruptedError,
  type MeowError,
  NotReadyError,
} from '../errors.ts';
import { tails } from '../logs/files.ts';
import { variableBytes } from '../model/variables.ts';
import { quote, systemReason, systemRemedy } from '../text.ts';
import { endInWords } from './child-ends.ts';
import type { Outcome } from './ready-pipe.ts';

const TAIL_LINES = 20;
/** Here nothing is wrong with the program. */
const BUSY: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'EAGAIN', 'ENOMEM']);

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

type Env = Readonly<Record<string, string>>;

export function cannotStart(command: string, cause: unknown, env: Env = {}): FailedError {
  if ((cause as NodeJS.ErrnoException).code === 'E2BIG') return tooMuch(command, env, cause);
  const message = `cannot start ${quote(command)}: ${systemReason(cause)}`;
  const busy = BUSY.has((cause as NodeJS.ErrnoException).code ?? '') ? systemRemedy(cause) : null;
  const remedy = busy ?? 'Check that it is there and may be run';
  return new FailedError('cannot-start', message, remedy, { cause });
}

// Names the largest, and never its value.
function tooMuch(command: string, env: Env, cause: unknown): FailedError {
  const sizes = Object.entries(env).map(
    ([name, value]) => [name, variableBytes(name, value)] as const,
  );
  const [name = '', most = 0] = sizes.sort((a, b) => b[1] - a[1])[0] ?? [];
  const all = sizes.reduce((sum, [, bytes]) => sum + bytes, 0);
  const largest = `variable ${quote(name)} alone ${most}`;
  const message = `cannot start ${quote(command)}: its environment has ${all} bytes, ${largest}, and that is more than this system hands on`;
  return new FailedError('cannot-start', message, 'Put what is long into a file', { cause });
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
  const lines = tails([logFile, rawLogFile ?? logFile], TAIL_LINES);
  return new NotReadyError(`${name}${what}`, remedy, lines);
}

function lateness({ readyTimeoutMs }: Launched): string {
  return ` was not ready within ${readyTimeoutMs / 1_000} s`;
}

function exitOf({ exitCode, signalCode }: Ended): string {
  return ` ${endInWords(exitCode, signalCode)} before it was ready`;
}

export function interrupted({ name }: Pick<Launched, 'name'>): InterruptedError {
  return new InterruptedError(`interrupted before ${name} was ready`, 'It was stopped');
}
