import { type Command, Option } from 'commander';
import { defaults } from '../../defaults.ts';
import { headerBytes, limit, seconds } from './values.ts';

type Default = keyof typeof defaults;

/** The door's limits that are flags: what it is called here, in defaults.ts, and to a person. */
const flags = [
  ['--connect-timeout <seconds>', 'doorConnectMs', 'connecting to a server'],
  ['--response-timeout <seconds>', 'responseHeaderMs', 'a server beginning to answer'],
  ['--idle-timeout <seconds>', 'bodyIdleMs', 'silence within a body'],
  ['--stream-timeout <seconds>', 'streamIdleMs', 'silence on a WebSocket or event stream'],
  ['--stream-drain <seconds>', 'streamDrainMs', 'WebSockets and event streams of a leaving server'],
  ['--header-timeout <seconds>', 'clientHeaderMs', 'a client sending its head'],
  ['--request-timeout <seconds>', 'clientRequestMs', 'a client sending its request'],
  ['--keep-alive <seconds>', 'clientKeepAliveMs', 'an idle client connection'],
  ['--max-header <bytes>', 'maxHeaderBytes', 'size of a head, of a request or an answer'],
  ['--max-header-lines <count>', 'maxHeaderLines', 'lines in a request head'],
  ['--max-inflight <count>', 'maxInflight', 'requests in flight per server'],
] as const satisfies readonly (readonly [string, Default, string])[];

/** How a limit is read, by the unit that its flag names. */
const readers = [
  ['<seconds>', seconds],
  ['<bytes>', headerBytes],
  ['<count>', limit],
] as const;

export type DoorLimits = { readonly [Name in (typeof flags)[number][1]]: number };

/** Declares a flag for each limit; `doorLimits` reads them back. */
export function addDoorFlags(command: Command): Command {
  for (const [flag, name, what] of flags) {
    const inSeconds = flag.endsWith('<seconds>');
    const shown = inSeconds ? `${defaults[name] / 1_000} s` : String(defaults[name]);
    const option = new Option(flag, `limit for ${what}`)
      .argParser(readers.find(([unit]) => flag.endsWith(unit))?.[1] ?? limit)
      .default(defaults[name], shown);
    command.addOption(option);
  }
  return command;
}

export function doorLimits(options: Readonly<Record<string, unknown>>): DoorLimits {
  const limits = flags.map(([flag, name]) => {
    const attribute = new Option(flag).attributeName();
    return [name, Number(options[attribute])] as const;
  });
  return Object.fromEntries(limits) as DoorLimits;
}
