import { CommanderError } from 'commander';
import { type ExitCode, exitCodes, MeowError, UsageError } from '../errors.ts';
import { plain, quote, reason, systemReason, systemRemedy } from '../text.ts';
import type { Output } from './output.ts';

const MAX_LINE = 400;

/**
 * Says what went wrong in two lines, the value and the remedy, and gives the exit code.
 * A stack only with `--debug`.
 */
export function report(error: unknown, output: Output, debug: boolean, verb = ''): ExitCode {
  if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.done;
  if (error instanceof CommanderError && error.code === 'commander.help') return exitCodes.usage;
  const told = explain(error, verb);
  output.talk(`meowctl: ${plain(told.message).slice(0, MAX_LINE)}`);
  output.talk(`  ${plain(told.remedy)}`);
  for (const line of details(error)) output.talk(`  | ${plain(line)}`);
  if (debug && error instanceof Error) output.talk(String(error.stack));
  return told.exitCode;
}

function explain(error: unknown, verb: string): Pick<MeowError, 'message' | 'remedy' | 'exitCode'> {
  if (error instanceof MeowError) return error;
  if (error instanceof CommanderError) return usage(error, verb);
  return { message: inWords(error), remedy: remedyOf(error), exitCode: exitCodes.failed };
}

/** What nobody expected: of the system, or a mistake of ours. */
export function inWords(error: unknown): string {
  if (!(error instanceof Error)) return reason(error);
  const { path } = error as NodeJS.ErrnoException;
  return path === undefined ? systemReason(error) : `${quote(path)}: ${systemReason(error)}`;
}

function remedyOf(error: unknown): string {
  return systemRemedy(error) ?? 'Run it again with --debug to see where';
}

// Commander puts value, remedy and "error:" into one text; a hint stands in parentheses at its end.
function usage(error: CommanderError, verb: string): UsageError {
  const [, said = '', hint] =
    /^(?:error: )?(.*?)(?:\s*\((Did you mean .*)\))?$/s.exec(error.message) ?? [];
  const message = said.replace(/'([^']*)'/s, (_, value: string) => quote(value));
  return new UsageError(plain(message.trim()), hint ? plain(hint) : remedyFor(error, verb));
}

// What somebody who gave one word too many most likely meant.
const tooMany: ReadonlyMap<string, string> = new Map([
  ['set', 'Quote a message of several words: meowctl set "back in five"'],
  ['get', 'Name a message with --key'],
  ['meow', 'Name a file with -o'],
]);

// What other tools call it.
const elsewhere: ReadonlyMap<string, string> = new Map([
  ['start', 'up'],
  ['stop', 'down'],
  ['status', 'ls'],
]);

function remedyFor({ code }: CommanderError, verb: string): string {
  const ours = code === 'commander.unknownCommand' ? elsewhere.get(verb) : undefined;
  if (ours) return `Did you mean ${ours}?`;
  const guess = code === 'commander.excessArguments' ? tooMany.get(verb) : undefined;
  const isVerb = code !== 'commander.unknownCommand' && /^[a-z]+$/.test(verb);
  return guess ?? (isVerb ? `See \`meowctl ${verb} --help\`` : 'See `meowctl --help`');
}

function details(error: unknown): readonly string[] {
  const lines = (error as { logTail?: unknown } | null)?.logTail;
  return Array.isArray(lines) ? lines.map(String) : [];
}
