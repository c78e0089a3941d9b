import type { StoreErrorKind } from '../../errors.ts';
import { plain, quote } from '../../text.ts';

/** What is wrong with a Redis, after its name, and what to do about it. */
export interface Trouble {
  readonly kind: StoreErrorKind;
  readonly says: string;
  readonly remedy: string;
}

/** What was asked when Redis refused; ioredis adds it to the error. */
interface RefusedCommand {
  readonly name: string;
  readonly keys: readonly string[];
}

const MAX_SAID = 160;
const NO_CLUSTER = 'or to a Redis that is no cluster';

type Reading = (said: string, asked: RefusedCommand) => Trouble | null;

/** Redis words a refusal one way for a command, another way inside a script, and by its version. */
const readings: readonly Reading[] = [
  ofCommand,
  ofChannel,
  ofKeys,
  ofScript,
  ofUnknownCommand,
  ofType,
  ofCluster,
];

/** A refusal that can only be told with what was asked for: a right, a command, a key, a node. */
export function refusal(error: Error): Trouble | null {
  const said = withoutPlace(error.message);
  const asked = refusedCommand(error);
  for (const read of readings) {
    const trouble = read(said, asked);
    if (trouble) return trouble;
  }
  return null;
}

/** An answer that we know nothing about, in its own words. */
export function unknownRefusal(error: Error): Trouble {
  const said = plain(withoutPlace(error.message)).slice(0, MAX_SAID);
  const { name } = refusedCommand(error);
  return refused(`refused ${name}: ${said}`, 'Put that right there, or set REDIS_URL to another');
}

function ofCommand(said: string): Trouble | null {
  const [, name] = /permissions to run the '([\w|]+)' command/i.exec(said) ?? [];
  if (name === undefined) return null;
  const right = grant(`+${name.toLowerCase()}`);
  return refused(`does not let this user run ${name.toUpperCase()}`, right);
}

function ofChannel(said: string, { keys }: RefusedCommand): Trouble | null {
  if (!/permissions.*\bchannels?\b|can't publish to the channel/i.test(said)) return null;
  const channel = `{${namespaceOf(keys)}}:changes`;
  return refused(`does not let this user use the channel ${quote(channel)}`, grant(`&${channel}`));
}

function ofKeys(said: string, { keys }: RefusedCommand): Trouble | null {
  if (!/(permissions to access|can't access).*\bkeys?\b/i.test(said)) return null;
  const pattern = `{${namespaceOf(keys)}}:*`;
  return refused(`does not let this user use the keys ${quote(pattern)}`, grant(`~${pattern}`));
}

// Redis 7.0 does not say which; our scripts ask first, so it is the right to a part of a command.
function ofScript(said: string): Trouble | null {
  if (!/NOPERM|executing the script can't run/i.test(said)) return null;
  return refused('does not let this user run all of our commands', grant('…'));
}

function ofUnknownCommand(said: string, { name }: RefusedCommand): Trouble | null {
  const [found, unknown] =
    /unknown command [`']?([\w|]+)|Unknown Redis command called from script/i.exec(said) ?? [];
  if (found === undefined) return null;
  const command = (unknown ?? name).toUpperCase();
  const remedy = `Allow ${command} there, or set REDIS_URL to a Redis that has it`;
  return refused(`has no command ${command}: it was renamed, or is not offered there`, remedy);
}

function ofType(said: string, { name, keys }: RefusedCommand): Trouble | null {
  if (!said.startsWith('WRONGTYPE')) return null;
  // Our scripts name the key; where a plain command fails, it has only one.
  const [, inScript] = /^WRONGTYPE the key (.*) holds (?:a|no) \w+$/.exec(said) ?? [];
  const key = inScript ?? (name === 'EVAL' ? undefined : keys[0]);
  const under = key === undefined ? 'one of our keys' : `the key ${quote(key)}`;
  const says = `holds another type of value under ${under}`;
  return { kind: 'damaged', says, remedy: 'Rename or remove that key' };
}

function ofCluster(said: string): Trouble | null {
  const [, elsewhere] = /^(?:MOVED|ASK) \d+ (\S+)/.exec(said) ?? [];
  if (elsewhere !== undefined) {
    const says = `is one node of a cluster, and our keys are on another: ${quote(elsewhere)}`;
    const url = `redis+cluster://${plain(elsewhere)}`;
    return refused(says, `Set REDIS_URL to ${url}, which finds them, ${NO_CLUSTER}`);
  }
  if (!/^(CLUSTERDOWN|CROSSSLOT)\b/.test(said)) return null;
  const remedy = `Mend the cluster (CLUSTER INFO), or set REDIS_URL to another, ${NO_CLUSTER}`;
  return refused('is a node of a cluster in which nobody serves our keys', remedy);
}

function refused(says: string, remedy: string): Trouble {
  return { kind: 'refused', says, remedy };
}

function grant(right: string): string {
  return `Give it the right: ACL SETUSER <name> ${right} (all it needs: docs/operations.md)`;
}

// ` script: <sha>, on @user_script:7.` says nothing to whoever did not write the script.
function withoutPlace(said: string): string {
  return said.replace(/\.? script: [0-9a-f]{40}, on .*$/s, '');
}

function refusedCommand(error: Error): RefusedCommand {
  const { name = '', args = [] } = (error as Error & { command?: Command }).command ?? {};
  const keys = name === 'eval' ? args.slice(2) : args;
  return { name: name.toUpperCase(), keys: keys.map(String) };
}

interface Command {
  readonly name?: string;
  readonly args?: readonly unknown[];
}

function namespaceOf(keys: readonly string[]): string {
  const named = keys.map((key) => /^\{([^}]*)\}:/.exec(key)?.[1]);
  return plain(named.find((namespace) => namespace !== undefined) ?? '…');
}
