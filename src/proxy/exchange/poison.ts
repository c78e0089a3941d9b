import { createHash } from 'node:crypto';
import { plain } from '../../text.ts';
import { isRoutable, type Upstream } from '../upstream/upstream.ts';

export interface PoisonOptions {
  /** A target is poison if two servers die within this time with requests for it in flight. */
  readonly poisonWindowMs: number;
  readonly maxPoison: number;
}

/** What a death is told by: of a server that is still there, the same object each time. */
type Mortal = Pick<Upstream, 'id' | 'state' | 'probeSoon'>;

/** What each request asks of the list. */
export type PoisonAnswers = Pick<PoisonList, 'answered' | 'broke'>;

/** One request's share in a death. */
export interface Breaking {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  /** The server that broke off, or was given up, under it. */
  readonly upstream: Mortal;
  /** It had broken another server before. */
  readonly repeated: boolean;
}

/** The last death with requests for a target in flight. */
interface Death {
  readonly upstream: Mortal;
  readonly atMs: number;
}

const MAX_WORDS = 200;
/** A longer target is known by its digest. */
const MAX_KEY = 256;
const MAX_NAMED = 20;
const LINES_A_MINUTE = 30;
const MINUTE_MS = 60_000;

/**
 * The targets that servers die of. A target is poison if one request for it broke two servers, or if
 * requests for it were in flight when two servers died within a minute, without an answer in between.
 * One answer, whatever its status, clears it. Both lists drop their oldest entries when they are full.
 */
export class PoisonList {
  readonly #options: PoisonOptions;
  readonly #say: (line: string) => void;
  readonly #dropped: (key: string) => void;
  readonly #suspects = new Map<string, Death>();
  /** In words, by the same keys. */
  readonly #poison = new Map<string, string>();
  #said = { sinceMs: 0, lines: 0 };

  /** @param dropped hears of a target that was not cleared, but had to make room for others */
  constructor(
    options: PoisonOptions,
    say: (line: string) => void,
    dropped: (key: string) => void = () => {},
  ) {
    this.#options = options;
    this.#say = say;
    this.#dropped = dropped;
  }

  /** A server answered. Called for every answer: nearly always both lists are empty. */
  answered(method: string, path: string): void {
    if (this.#suspects.size === 0 && this.#poison.size === 0) return;
    this.forget(keyOf(method, path));
  }

  forget(key: string): void {
    this.#suspects.delete(key);
    this.#poison.delete(key);
  }

  /** Whether an answer would clear it. */
  has(key: string): boolean {
    return this.#suspects.has(key) || this.#poison.has(key);
  }

  /** The targets that an answer would clear. */
  keys(): string[] {
    return [...this.#suspects.keys(), ...this.#poison.keys()];
  }

  /** @returns whether it is poison now */
  broke(breaking: Breaking, nowMs: number): boolean {
    const { method, path, upstream, repeated } = breaking;
    const key = keyOf(method, path);
    const words = this.#poison.get(key);
    if (words !== undefined) {
      this.#keep(this.#poison, key, words);
      return true;
    }
    // A server that leaves in order cuts what is late: that is no death.
    if (upstream.state === 'draining') return false;
    if (!repeated && !this.#diedBefore(key, upstream, nowMs)) {
      this.#keep(this.#suspects, key, { upstream, atMs: nowMs });
      return false;
    }
    this.#suspects.delete(key);
    this.#keep(this.#poison, key, inWords(method, path));
    this.#tell(inWords(method, path), nowMs);
    return true;
  }

  /** The poisonous targets as `GET /path`, the latest first, as many as a record may name. */
  named(): string[] {
    return [...this.#poison.values()].slice(-MAX_NAMED).reverse();
  }

  // A connection that broke is a death only where its server has not shown itself alive since.
  #diedBefore(key: string, upstream: Mortal, nowMs: number): boolean {
    const before = this.#suspects.get(key);
    if (!before || before.upstream.id === upstream.id) return false;
    if (nowMs - before.atMs > this.#options.poisonWindowMs) return false;
    return before.upstream.probeSoon || !isRoutable(before.upstream);
  }

  #keep<Value>(list: Map<string, Value>, key: string, value: Value): void {
    list.delete(key); // the newest comes last
    list.set(key, value);
    for (const oldest of list.keys()) {
      if (list.size <= this.#options.maxPoison) return;
      list.delete(oldest);
      this.#dropped(oldest);
    }
  }

  // A client that sends many, each with another query, must not fill the log.
  #tell(words: string, nowMs: number): void {
    if (nowMs - this.#said.sinceMs > MINUTE_MS) this.#said = { sinceMs: nowMs, lines: 0 };
    this.#said.lines += 1;
    if (this.#said.lines > LINES_A_MINUTE) return;
    this.#say(`${words} is poison: servers die of it, so it is tried once each time, not again`);
  }
}

/** What a target is known by. */
export function keyOf(method: string, path: string): string {
  if (path.length <= MAX_KEY) return `${method} ${path}`;
  return `${method} ${createHash('sha256').update(path, 'latin1').digest('base64')}`;
}

function inWords(method: string, path: string): string {
  const words = plain(`${method} ${path}`);
  return words.length > MAX_WORDS ? `${words.slice(0, MAX_WORDS - 1)}…` : words;
}
