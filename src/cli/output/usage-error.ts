import { CommanderError } from 'commander';
import { type ExitCode, exitCodes, UsageError } from '../../errors.ts';
import { plain, quote } from '../../text.ts';
import { howToServe, looksLikeFile } from '../flags/values.ts';
import { flagHere, verbHere } from './other-tools.ts';
import type { Output } from './output.ts';
import { tell } from './print-error.ts';

/**
 * Says what went wrong in two lines, the value and the remedy, and gives the exit code.
 * A stack only with `--debug`, and of a bug.
 * @param words the command line
 */
export function report(
  error: unknown,
  output: Output,
  debug: boolean,
  words: readonly string[] = [],
): ExitCode {
  if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.done;
  if (error instanceof CommanderError && error.code === 'commander.help') return exitCodes.usage;
  return tell(error instanceof CommanderError ? usage(error, words) : error, output, debug);
}

// Commander puts value, remedy and "error:" into one text; a hint stands in parentheses at its end.
function usage(error: CommanderError, words: readonly string[]): UsageError {
  const verb = words.find((word) => !word.startsWith('-')) ?? '';
  const ours = verbHere(verb);
  // Whatever else is wrong with it: its flags are another tool's, too.
  if (ours !== null) return new UsageError(`unknown command ${quote(verb)}`, ours);
  const [, said = '', hint] =
    /^(?:error: )?(.*?)(?:\s*\((Did you mean .*)\))?$/s.exec(error.message) ?? [];
  const message = said.replace(/'([^']*)'/s, (_, value: string) => quote(value));
  const [, flag = ''] = /^unknown option '(--?[^'=]*)/.exec(said) ?? [];
  const remedy = flagHere(flag) ?? hint ?? remedyFor(error, verb, words);
  return new UsageError(plain(message.trim()), plain(remedy));
}

// What somebody who gave one word too many most likely meant.
const tooMany: ReadonlyMap<string, string> = new Map([
  ['set', 'Quote a message of several words: meowctl set "back in five"'],
  ['get', 'Name a message with --key'],
  ['meow', 'Name a file with -o'],
  ['scale', 'Say how many, and of which app: meowctl scale 4 --app FILE'],
  ['ls', 'It lists all: pick with `meowctl ls --json`'],
]);

function remedyFor({ code }: CommanderError, verb: string, words: readonly string[]): string {
  if (code === 'commander.excessArguments') {
    const file = serves.has(verb) ? words.find(looksLikeFile) : undefined;
    const guess = file === undefined ? tooMany.get(verb) : howToServe(file);
    if (guess !== undefined) return guess;
  }
  const isOption = code === 'commander.unknownOption' && serves.has(verb);
  const program = isOption
    ? words.slice(words.indexOf(verb) + 1).find(looksLikeProgram)
    : undefined;
  if (program) return `A program goes behind --: \`meowctl ${verb} -- ${program} …\``;
  const isVerb = code !== 'commander.unknownCommand' && /^[a-z]+$/.test(verb);
  return isVerb ? `See \`meowctl ${verb} --help\`` : 'See `meowctl --help`';
}

const serves = new Set(['spawn', 'serve', 'up', 'scale']);

function looksLikeProgram(word: string): boolean {
  return /^[a-z][\w.+-]*$/i.test(word);
}
