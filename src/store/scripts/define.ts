import type { Redis } from 'ioredis';
import type { Link } from '../connection/connection.ts';
import { guarded, rehearsed } from './guard.ts';

type Value = string | number;
type Named<V, One extends string, More extends string> = Readonly<
  Record<One, V> & Record<More, readonly V[]>
>;
/** Nothing is given where nothing is asked for. */
type Given<A extends string, MA extends string> = [A | MA] extends [never]
  ? []
  : [args: Named<Value, A, MA>];

/** What a script calls its KEYS and ARGV, in its order. */
interface Names<
  K extends string,
  MK extends string = never,
  A extends string = string,
  MA extends string = never,
> {
  readonly keys: readonly K[];
  /** Any number of keys after those. */
  readonly moreKeys?: MK;
  readonly args?: readonly A[];
  /** Any number of arguments after those. */
  readonly moreArgs?: MA;
}

/**
 * One of our scripts: all of it is done, or nothing where Redis would refuse a part.
 * @throws StoreError
 */
export function defineScript<
  const K extends string,
  const A extends string = never,
  const MK extends string = never,
  const MA extends string = never,
>(text: string, names: Names<K, MK, A, MA>) {
  const whole = once(() => guarded(checked(text, names), names.keys));
  return (link: Link, keys: Named<string, K, MK>, ...[args]: Given<A, MA>): Promise<unknown> => {
    const [count, ...words] = inOrder(names, keys, args);
    return link.run((redis) => redis.eval(whole(), count, ...words));
  };
}

/** Whether a script would be refused, told without doing it: its arguments do not matter. */
export function defineRehearsal<const K extends string>(text: string, names: Names<K>) {
  const { keys: inItsOrder } = names;
  const whole = once(() => rehearsed(text, inItsOrder));
  return (link: Link, keys: Named<string, K, never>): Promise<unknown> => {
    const [count, ...words] = inOrder({ keys: inItsOrder }, keys);
    return link.run((redis) => redis.eval(whole(), count, ...words));
  };
}

/** A script of one command, which by itself is done or refused, for any connection. */
export function definePlainScript<const K extends string>(
  text: string,
  names: { readonly keys: readonly K[] },
) {
  return (redis: Redis, keys: Named<string, K, never>): Promise<unknown> => {
    const [count, ...words] = inOrder(names, keys);
    return redis.eval(checked(text, names), count, ...words);
  };
}

type AnyNames = Names<string, string, string, string>;
type AnyNamed<V> = Readonly<Record<string, V | readonly V[]>>;

/** How many keys there are, then keys and arguments as the script counts them. */
function inOrder(
  { keys: keyNames, moreKeys, args: argNames = [], moreArgs }: AnyNames,
  keys: AnyNamed<string>,
  args: AnyNamed<Value> = {},
): [count: number, ...Value[]] {
  const inKeys = [...keyNames, ...(moreKeys === undefined ? [] : [moreKeys])].flatMap(
    (name) => keys[name] ?? missing(name),
  );
  const inArgs = [...argNames, ...(moreArgs === undefined ? [] : [moreArgs])].flatMap(
    (name) => args[name] ?? missing(name),
  );
  return [inKeys.length, ...inKeys, ...inArgs];
}

function missing(name: string): never {
  throw new TypeError(`a script's ${name} is missing`);
}

/** @throws TypeError where a script names its keys or arguments otherwise than we do */
function checked(text: string, { keys, args = [] }: Pick<AnyNames, 'keys' | 'args'>): string {
  for (const [from, names] of [
    ['KEYS', keys],
    ['ARGV', args],
  ] as const) {
    const found = new RegExp(`^local (.+) = unpack\\(${from}\\b`, 'm').exec(text)?.[1] ?? '';
    const expected = names.join(', ');
    if (found !== expected)
      throw new TypeError(`${from} is ${expected} to us, ${found} to the script`);
  }
  return text;
}

function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}

/** What a script answered, as a list; anything else is an empty one. */
export function list(reply: unknown): unknown[] {
  return Array.isArray(reply) ? reply : [];
}
