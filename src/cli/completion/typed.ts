import type { Command, Option } from 'commander';

/** What stands before the cursor, as far as the verb's own words say what it is. */
export interface Typed {
  /** The flag whose value is being typed. */
  readonly flag: Option | null;
  /** Which argument it is, counted from 0. */
  readonly position: number;
  /** Whether a flag may stand there. */
  readonly mayBeFlag: boolean;
  /** Where it is a word of the program behind `--`: which one, counted from 0. */
  readonly programWord: number | null;
  /** Those before it: flags as they were typed, without a value behind `=`, and arguments. */
  readonly flags: readonly string[];
  readonly args: readonly string[];
}

/**
 * Reads a command line up to its last word, the one that is being typed. It may be wrong in any way:
 * the verb says so when it is run.
 * @param words those after the verb
 * @param takesProgram whether what comes after `--` is a program
 */
export function readTyped(
  verb: Pick<Command, 'options'>,
  words: readonly string[],
  takesProgram: boolean,
): Typed {
  const current = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const end = before.indexOf('--');
  const own = end === -1 ? before : before.slice(0, end);
  const { flags, args, waiting } = readOwn(verb, own);
  const behind = end === -1 ? [] : before.slice(end + 1);
  const isProgram = end !== -1 && takesProgram;
  const joined = end === -1 && !waiting ? flagWithValue(verb, current) : null;
  return {
    flag: end === -1 ? (waiting ?? joined) : null,
    position: args.length + behind.length,
    mayBeFlag: end === -1,
    programWord: isProgram ? behind.length : null,
    flags,
    args: [...args, ...behind],
  };
}

function readOwn(verb: Pick<Command, 'options'>, words: readonly string[]) {
  const flags: string[] = [];
  const args: string[] = [];
  let waiting: Option | null = null;
  for (const word of words) {
    if (waiting) waiting = null;
    else if (!word.startsWith('-') || word === '-') args.push(word);
    else {
      const [name = ''] = word.split('=');
      flags.push(name);
      waiting = word.includes('=') ? null : withValue(verb, name);
    }
  }
  return { flags, args, waiting };
}

/** `--balance=ro`: the flag of a value that is joined to it. */
function flagWithValue(verb: Pick<Command, 'options'>, word: string): Option | null {
  const [, name] = /^(--[^=]+)=/.exec(word) ?? [];
  return name === undefined ? null : withValue(verb, name);
}

function withValue({ options }: Pick<Command, 'options'>, name: string): Option | null {
  const found = options.find(({ long, short }) => long === name || short === name);
  return found?.required ? found : null;
}
