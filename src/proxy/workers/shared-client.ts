import { keyOf, type PoisonAnswers } from '../exchange/poison.ts';
import type { Judgement, SharedBreaking, SharedState } from '../exchange/shared.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { FromWorker, ToPrimary } from './messages.ts';

/** Without a word for so long, no is taken for an answer. */
const ANSWER_MS = 1_000;

type Question = Extract<FromWorker, { is: 'full' | 'broke' }>;
type Asked = Question extends infer One
  ? One extends Question
    ? Omit<One, 'question'>
    : never
  : never;
type Word = { readonly yes: boolean; readonly poison: boolean };

const NO: Word = { yes: false, poison: false };

/** A worker's part in what holds for the whole door: it asks the primary. */
export class SharedClient implements SharedState {
  readonly #primary: ToPrimary;
  readonly #questions = new Map<number, (word: Word) => void>();
  #asked = 0;
  /** One question goes out at a time for the same servers: what it brings is for all who wait. */
  readonly #rooms = new Map<string, Promise<boolean>>();

  constructor(primary: ToPrimary) {
    this.#primary = primary;
  }

  room(servers: readonly string[]): Promise<boolean> {
    const key = servers.join(' ');
    const known = this.#rooms.get(key);
    if (known) return known;
    const asked = this.#ask({ is: 'full', servers }).then(({ yes }) => {
      this.#rooms.delete(key);
      return yes;
    });
    this.#rooms.set(key, asked);
    return asked;
  }

  async judge(breaking: SharedBreaking, decision: boolean | null): Promise<Judgement> {
    const { yes, poison } = await this.#ask({ is: 'broke', breaking, decision });
    return { again: yes, poison };
  }

  answered(question: number, word: Word): void {
    this.#questions.get(question)?.(word);
  }

  #ask(asked: Asked): Promise<Word> {
    const question = this.#asked++;
    return new Promise((resolve) => {
      const settle = (word: Word) => {
        clearTimeout(timer);
        this.#questions.delete(question);
        resolve(word);
      };
      const timer = setTimeout(() => settle(NO), ANSWER_MS);
      this.#questions.set(question, settle);
      this.#primary.send({ ...asked, question });
    });
  }
}

/** How many requests a worker may have at each server: what it was given of the door's cap. */
export class Places {
  readonly #most: number;
  readonly #given = new Map<string, number>();

  constructor(maxInflight: number) {
    this.#most = maxInflight;
  }

  give(server: string, places: number, upstreams: readonly Upstream[]): void {
    this.#given.set(server, this.#of(server) + places);
    this.settle(upstreams);
  }

  /** @returns how many were free, and now are another's */
  takeBack(server: string, upstreams: readonly Upstream[]): number {
    const busy = upstreams.find(({ id }) => id === server)?.inflight ?? 0;
    const free = Math.max(0, this.#of(server) - busy);
    this.give(server, -free, upstreams);
    return free;
  }

  /** All others' places are out of reach. */
  settle(upstreams: readonly Upstream[]): void {
    for (const upstream of upstreams) upstream.reserved = this.#most - this.#of(upstream.id);
  }

  #of(server: string): number {
    return this.#given.get(server) ?? 0;
  }

  /** Forgets those of servers that are not among these. */
  keepOnly(servers: ReadonlySet<string>): void {
    for (const id of this.#given.keys()) if (!servers.has(id)) this.#given.delete(id);
  }
}

/** The targets that an answer clears; which of them are poison, the primary knows. */
export class SuspectTargets implements PoisonAnswers {
  readonly #primary: ToPrimary;
  readonly #targets: Set<string>;

  constructor(primary: ToPrimary, targets: readonly string[]) {
    this.#primary = primary;
    this.#targets = new Set(targets);
  }

  add(target: string): void {
    this.#targets.add(target);
  }

  delete(target: string): void {
    this.#targets.delete(target);
  }

  /** Called for every answer: nearly always there are none. */
  answered(method: string, path: string): void {
    if (this.#targets.size === 0) return;
    const target = keyOf(method, path);
    if (this.#targets.delete(target)) this.#primary.send({ is: 'answered', target });
  }

  // A worker's requests are judged where all of them are known.
  broke(): boolean {
    return false;
  }
}
