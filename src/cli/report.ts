import { CommanderError } from 'commander';
import { type ExitCode, exitCodes, MeowError, UsageError } from '../errors.ts';
import { plain, quote, reason } from '../text.ts';
import type { Output } from './output.ts';

const MAX_LINE = 400;

/**
 * Says what went wrong in two lines, the value and the remedy, and gives the exit code.
 * A stack only with `--debug`.
 */
export function report(error: unknown, output: Output, debug: boolean): ExitCode {
  if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.done;
  if (error instanceof CommanderError && error.code === 'commander.help') return exitCodes.usage;
  const told = explain(error);
  output.talk(`meowctl: ${told.message.slice(0, MAX_LINE)}`);
  output.talk(`  ${told.remedy}`);
  for (const line of details(error)) output.talk(`  | ${plain(line)}`);
  if (debug && error instanceof Error) output.talk(String(error.stack));
  return told.exitCode;
}

function explain(error: unknown): Pick<MeowError, 'message' | 'remedy' | 'exitCode'> {
  if (error instanceof MeowError) return error;
  if (error instanceof CommanderError) return usage(error);
  const message = reason(error);
  return { message, remedy: 'Run it again with --debug to see where', exitCode: exitCodes.failed };
}

// Commander puts value, remedy and "error:" into one text; a hint stands in parentheses at its end.
function usage(error: CommanderError): UsageError {
  const [, said = '', hint] =
    /^(?:error: )?(.*?)(?:\s*\((Did you mean .*)\))?$/s.exec(error.message) ?? [];
  const message = said.replace(/'([^']*)'/s, (_, value: string) => quote(value));
  return new UsageError(plain(message.trim()), hint ? plain(hint) : seeHelp);
}

const seeHelp = 'See `meowctl --help`, or `meowctl help <command>`';

function details(error: unknown): readonly string[] {
  const lines = (error as { logTail?: unknown } | null)?.logTail;
  return Array.isArray(lines) ? lines.map(String) : [];
}
