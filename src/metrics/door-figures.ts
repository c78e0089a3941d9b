import { type Rates, Recent } from './recent.ts';
import { SocketBytes } from './socket-bytes.ts';
import { type Counts, Tally } from './tally.ts';

export interface FiguresOptions {
  /** How long the counts of a server that has left the pool are kept apart, */
  readonly figuresKeepMs: number;
  /** and of no more than so many. */
  readonly maxPoolServers: number;
}

/** An answer of the door's own, by which it is counted. */
interface CountedAnswer {
  readonly status: number;
  readonly reason?: string;
}

/** Counts so far. Totals never go back; a server's start at zero if it comes back after it was dropped. */
interface FiguresSnapshot {
  /** All servers, also those that are gone, and what the door answered without any. */
  readonly total: Counts;
  readonly servers: ReadonlyMap<string, Counts>;
  /** The clients' side: bytes from and to them, and how many connections are open. */
  readonly clients: { readonly bytesIn: number; readonly bytesOut: number; readonly open: number };
  readonly ownAnswers: readonly (Required<CountedAnswer> & { readonly count: number })[];
}

interface Entry {
  readonly tally: Tally;
  readonly recent: Recent;
  /** When its server left the pool. */
  leftMs: number | null;
}

/** What another process has counted since it told last; of what is open now, the difference. */
export interface FiguresDelta {
  /** By server, null for none, as `Tally.flat` has it. */
  readonly tallies: readonly (readonly [id: string | null, counted: readonly number[]])[];
  readonly ownAnswers: FiguresSnapshot['ownAnswers'];
  /** Bytes from and to clients, and how many are connected. */
  readonly clients: readonly [read: number, written: number, open: number];
}

/** Figures that may be those of several processes. */
export interface MergedFigures extends DoorFigures {
  readonly clients: SocketBytes;
  merge(delta: FiguresDelta): void;
  tallies(): Iterable<readonly [id: string | null, tally: Tally]>;
}

/** What one door counts: written on its way, in plain numbers, and read by whoever shows them. */
export interface DoorFigures {
  /** What is counted of a server. */
  tally(id: string): Tally;
  /** Its server has left the pool. */
  left(id: string): void;
  /** A request is over. `tally`: of the server that it was sent to last, null for none. */
  answered(tally: Tally | null, status: number, durationMs: number | null): void;
  answeredItself(answer: CountedAnswer): void;
  /** A request that got no further than the door. */
  refused(answer: CountedAnswer, durationMs: number | null): void;
  readonly clients: Pick<SocketBytes, 'opened' | 'closed'>;
  snapshot(): FiguresSnapshot;
  /** That of the whole door alone. */
  total(): Counts;
  /** Rates of the whole door, or of one server; null where nothing is known of it. */
  rates(): Rates;
  rates(id: string): Rates | null;
  /** A second is over. */
  turn(): void;
}

const REFUSED = 'refused';

export function createDoorFigures(options: FiguresOptions, nowMs: () => number): MergedFigures {
  return new Figures(options, nowMs);
}

class Figures implements MergedFigures {
  readonly clients = new SocketBytes();
  readonly #options: FiguresOptions;
  readonly #nowMs: () => number;
  readonly #entries = new Map<string, Entry>();
  /** Counts of requests that were sent to no server. */
  readonly #none = new Tally();
  readonly #gone = new Tally();
  readonly #recent: Recent;
  readonly #own = new Map<string, Map<number, number>>();

  constructor(options: FiguresOptions, nowMs: () => number) {
    this.#options = options;
    this.#nowMs = nowMs;
    this.#recent = new Recent(this.#tallies(), nowMs());
  }

  tally(id: string): Tally {
    const entry = this.#entries.get(id) ?? this.#begin(id);
    entry.leftMs = null;
    return entry.tally;
  }

  left(id: string): void {
    const entry = this.#entries.get(id);
    if (!entry) return;
    entry.leftMs = this.#nowMs();
    // The last to leave come last, so that the first are the oldest.
    this.#entries.delete(id);
    this.#entries.set(id, entry);
  }

  answered(tally: Tally | null, status: number, durationMs: number | null): void {
    (tally ?? this.#none).answered(status, durationMs);
  }

  answeredItself({ status, reason = REFUSED }: CountedAnswer): void {
    const counts = this.#own.get(reason) ?? new Map<number, number>();
    this.#own.set(reason, counts.set(status, (counts.get(status) ?? 0) + 1));
  }

  merge({ tallies, ownAnswers, clients }: FiguresDelta): void {
    for (const [id, counted] of tallies) this.#merged(id).add(counted);
    for (const { reason, status, count } of ownAnswers) {
      const counts = this.#own.get(reason) ?? new Map<number, number>();
      this.#own.set(reason, counts.set(status, (counts.get(status) ?? 0) + count));
    }
    this.clients.add(...clients);
  }

  *tallies(): Iterable<readonly [id: string | null, tally: Tally]> {
    yield [null, this.#none];
    for (const [id, { tally }] of this.#entries) yield [id, tally];
  }

  refused(answer: CountedAnswer, durationMs: number | null): void {
    this.answered(null, answer.status, durationMs);
    this.answeredItself(answer);
  }

  snapshot(): FiguresSnapshot {
    const servers = [...this.#entries].map(([id, { tally }]) => [id, tally.counts()] as const);
    return {
      total: this.total(),
      servers: new Map(servers),
      clients: {
        bytesIn: this.clients.read(),
        bytesOut: this.clients.written(),
        open: this.clients.open,
      },
      ownAnswers: [...this.#own].flatMap(([reason, counts]) =>
        [...counts].map(([status, count]) => ({ reason, status, count })),
      ),
    };
  }

  total(): Counts {
    const total = new Tally();
    for (const tally of this.#tallies()) {
      total.take(tally);
      total.webSockets += tally.webSockets;
      total.streams += tally.streams;
    }
    return total.counts();
  }

  rates(): Rates;
  rates(id: string): Rates | null;
  rates(id?: string): Rates | null {
    const recent = id === undefined ? this.#recent : this.#entries.get(id)?.recent;
    return recent?.rates() ?? null;
  }

  turn(): void {
    const nowMs = this.#nowMs();
    this.#dropGone(nowMs);
    for (const { tally, recent } of this.#entries.values()) recent.turn([tally], nowMs);
    this.#recent.turn(this.#tallies(), nowMs);
  }

  #tallies(): readonly Tally[] {
    return [this.#none, this.#gone, ...[...this.#entries.values()].map(({ tally }) => tally)];
  }

  /** One whose server has left already stays left. */
  #merged(id: string | null): Tally {
    if (id === null) return this.#none;
    const known = this.#entries.get(id);
    if (known) return known.tally;
    const begun = this.#begin(id);
    begun.leftMs = this.#nowMs();
    return begun.tally;
  }

  #begin(id: string): Entry {
    const tally = new Tally();
    const recent = new Recent([tally], this.#nowMs());
    const entry: Entry = { tally, recent, leftMs: null };
    this.#entries.set(id, entry);
    return entry;
  }

  #dropGone(nowMs: number): void {
    const gone = [...this.#entries].filter(([, { leftMs }]) => leftMs !== null);
    const surplus = gone.length - this.#options.maxPoolServers;
    gone.forEach(([id, { tally, leftMs }], at) => {
      if (at >= surplus && nowMs - (leftMs ?? nowMs) < this.#options.figuresKeepMs) return;
      this.#gone.take(tally);
      this.#entries.delete(id);
    });
  }
}
