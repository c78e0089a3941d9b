import { type ExitCode, exitCodes, MeowError } from '../../errors.ts';
import { errorInWords, plain, systemRemedy } from '../../text.ts';
import type { Output } from './output.ts';

const MAX_LINE = 400;

/** Says what went wrong in two lines, the value and the remedy, and gives the exit code. */
export function tell(error: unknown, output: Output, debug: boolean): ExitCode {
  const told = explain(error);
  output.talk(`meowctl: ${plain(told.message).slice(0, MAX_LINE)}`);
  output.talk(`  ${plain(told.remedy)}`);
  for (const line of details(error)) output.talk(`  | ${plain(line)}`);
  if (debug && error instanceof Error) output.talk(String(error.stack));
  return told.exitCode;
}

function remedyOf(error: unknown): string {
  return systemRemedy(error) ?? 'Run it again with --debug to see where';
}

type Told = Pick<MeowError, 'message' | 'remedy' | 'exitCode'>;

function explain(error: unknown): Told {
  if (error instanceof MeowError) return error;
  return { message: errorInWords(error), remedy: remedyOf(error), exitCode: exitCodes.failed };
}

function details(error: unknown): readonly string[] {
  const lines = (error as { logTail?: unknown } | null)?.logTail;
  return Array.isArray(lines) ? lines.map(String) : [];
}
