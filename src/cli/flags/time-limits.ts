import { type Command, Option } from 'commander';
import { defaults } from '../../defaults.ts';
import { seconds } from './values.ts';

/** How long a server may take until it is ready, ms. */
export interface ReadyFlags {
  readonly readyTimeout: number;
}

/** How long requests may finish when a server or a door ends, ms. */
export interface DrainFlags {
  readonly drainTimeout: number;
}

/** `--ready-timeout`, which was called `--timeout` once. */
export function addReadyTimeout(verb: Command, what: string): Command {
  const option = new Option('--ready-timeout <seconds>', what).default(defaults.readyTimeoutMs);
  return add(verb, option, '--timeout <seconds>');
}

/**
 * `--drain-timeout`.
 * @param old what it was called once
 */
export function addDrainTimeout(verb: Command, what: string, old = '--timeout <seconds>'): Command {
  const option = new Option('--drain-timeout <seconds>', what).default(defaults.drainMs);
  return add(verb, option, old);
}

// Scripts know the old name: it says the same, and help does not show it. The last one counts.
function add(verb: Command, option: Option, old: string): Command {
  const alias = new Option(old).argParser(seconds).hideHelp();
  const attribute = option.attributeName();
  alias.attributeName = () => attribute;
  return verb.addOption(option.argParser(seconds)).addOption(alias);
}
