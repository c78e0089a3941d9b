import type { Argument, Command, Option } from 'commander';
import { takesProgram } from '../flags/app-flags.ts';
import { choicesOf } from '../flags/choice.ts';
import { readTyped, type Typed } from './typed.ts';

/** A word that may stand there, and a few words about it. */
export interface Candidate {
  readonly value: string;
  readonly about: string;
}

/** What the shell completes by itself, besides: it knows files and programs better. */
type Rule = 'none' | 'files' | 'folders' | 'commands';

export interface Completion {
  readonly candidates: readonly Candidate[];
  readonly rule: Rule;
}

/** What is known at this moment, by the name of what it is asked for. */
export interface CompletionSource {
  /** Ids and ports of servers that the verb may be given. */
  servers(verb: string): Promise<readonly Candidate[]>;
  /** Ids of servers that have a log here. */
  logs(): Promise<readonly Candidate[]>;
  /** Modules that servers of this host serve. */
  apps(): Promise<readonly Candidate[]>;
  /** Names of variables that are set here, or were declared for servers. */
  variables(of: 'here' | 'servers'): Promise<readonly Candidate[]>;
}

const NOTHING: Completion = { candidates: [], rule: 'none' };
const MAX_ABOUT = 70;

/**
 * @param declare a program with that verb alone, or with all of them
 * @param words of the command line, without `meowctl`; the last one is being typed
 */
export async function complete(
  declare: (verb?: string) => Command,
  source: CompletionSource,
  words: readonly string[],
): Promise<Completion> {
  const at = words.slice(0, -1).findIndex((word) => !word.startsWith('-'));
  const name = words[at];
  if (at === -1 || name === undefined) return firstWord(declare(), words.at(-1) ?? '');
  if (name === 'help') return { candidates: verbsOf(declare()), rule: 'none' };
  const verb = declare(name).commands.find((one) => [one.name(), ...one.aliases()].includes(name));
  if (!verb) return NOTHING;
  const rest = words.slice(at + 1);
  return ofVerb(verb, source, readTyped(verb, rest, takesProgram(name)), rest.at(-1) ?? '');
}

function firstWord(program: Command, current: string): Completion {
  const candidates = current.startsWith('-') ? flagsOf(program, []) : verbsOf(program);
  return { candidates, rule: 'none' };
}

async function ofVerb(
  verb: Command,
  source: CompletionSource,
  typed: Typed,
  current: string,
): Promise<Completion> {
  if (typed.programWord !== null) {
    return { candidates: [], rule: typed.programWord === 0 ? 'commands' : 'files' };
  }
  if (typed.flag) return ofFlag(typed.flag, source);
  if (typed.mayBeFlag && current.startsWith('-')) {
    return { candidates: flagsOf(verb, typed.flags), rule: 'none' };
  }
  const argument = argumentAt(verb, typed.position);
  const found = argument ? await ofArgument(argument, verb.name(), source) : NOTHING;
  const candidates = found.candidates.filter(({ value }) => !typed.args.includes(value));
  const isEmpty = candidates.length === 0 && found.rule === 'none';
  // Better a flag than silence.
  if (isEmpty && typed.mayBeFlag && current === '') {
    return { candidates: flagsOf(verb, typed.flags), rule: 'none' };
  }
  return { candidates, rule: found.rule };
}

function argumentAt({ registeredArguments }: Command, position: number): Argument | null {
  const last = registeredArguments.at(-1);
  return registeredArguments[position] ?? (last?.variadic ? last : null);
}

/** By what its help calls it. */
async function ofArgument(
  argument: Argument,
  verb: string,
  source: CompletionSource,
): Promise<Completion> {
  const choices = choicesOf(argument.parseArg) ?? argument.argChoices;
  if (choices) return { candidates: choices.map(bare), rule: 'none' };
  const name = argument.name();
  if (name === 'file') return { candidates: [], rule: 'files' };
  if (verb === 'logs') return { candidates: await source.logs(), rule: 'none' };
  if (!/server|\bid\b/.test(name) && verb !== 'why') return NOTHING;
  return { candidates: await source.servers(verb), rule: 'none' };
}

async function ofFlag(flag: Option, source: CompletionSource): Promise<Completion> {
  const choices = choicesOf(flag.parseArg) ?? flag.argChoices;
  if (choices) return { candidates: choices.map(bare), rule: 'none' };
  const [, name] = /<([^>]+)>/.exec(flag.flags) ?? [];
  if (flag.long === '--app') return { candidates: await source.apps(), rule: 'files' };
  if (name === 'file') return { candidates: [], rule: 'files' };
  if (name === 'folder') return { candidates: [], rule: 'folders' };
  if (name === 'NAME=VALUE') return { candidates: await source.variables('here'), rule: 'none' };
  if (name === 'NAME') return { candidates: await source.variables('servers'), rule: 'none' };
  return NOTHING;
}

function verbsOf(program: Command): Candidate[] {
  const { commands } = program;
  return commands.flatMap((verb) =>
    [verb.name(), ...verb.aliases()].map((value) => ({ value, about: short(verb.description()) })),
  );
}

/** Those that say nothing new are left out: a flag without a value that stands there already. */
function flagsOf(command: Command, given: readonly string[]): Candidate[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .flatMap(({ long, short: letter, required, description }) => {
      const isGiven = !required && [long, letter].some((name) => name && given.includes(name));
      const value = long ?? letter;
      return isGiven || !value ? [] : [{ value, about: short(description) }];
    });
}

function bare(value: string): Candidate {
  return { value, about: '' };
}

function short(text: string): string {
  return text.length > MAX_ABOUT ? `${text.slice(0, MAX_ABOUT - 1)}…` : text;
}
