import type { FiguresDelta, MergedFigures } from './door-figures.ts';
import { OPEN_AT, type Tally } from './tally.ts';

/** What a process has counted since it told last. */
export class FiguresTold {
  readonly #figures: MergedFigures;
  readonly #tallies = new WeakMap<Tally, readonly number[]>();
  readonly #own = new Map<string, number>();
  #clients: FiguresDelta['clients'] = [0, 0, 0];

  constructor(figures: MergedFigures) {
    this.#figures = figures;
  }

  /** @returns null where nothing was counted */
  next(): FiguresDelta | null {
    const tallies = this.#counted();
    const { clients, ownAnswers } = this.#figures.snapshot();
    const now = [clients.bytesIn, clients.bytesOut, clients.open] as const;
    const [read, written, open] = this.#clients;
    const delta = {
      tallies,
      ownAnswers: ownAnswers.map((own) => this.#ownSince(own)).filter(({ count }) => count > 0),
      clients: [now[0] - read, now[1] - written, now[2] - open] as const,
    };
    this.#clients = now;
    const isIdle = tallies.length + delta.ownAnswers.length === 0 && !delta.clients.some(Boolean);
    return isIdle ? null : delta;
  }

  #counted(): FiguresDelta['tallies'] {
    const counted: [string | null, number[]][] = [];
    for (const [id, tally] of this.#figures.tallies()) {
      const now = tally.flat();
      const before = this.#tallies.get(tally);
      this.#tallies.set(tally, now);
      const since = before ? now.map((value, at) => value - (before[at] ?? 0)) : now;
      if (since.some(Boolean)) counted.push([id, since]);
    }
    return counted;
  }

  #ownSince(own: FiguresDelta['ownAnswers'][number]): FiguresDelta['ownAnswers'][number] {
    const key = `${own.status} ${own.reason}`;
    const count = own.count - (this.#own.get(key) ?? 0);
    this.#own.set(key, own.count);
    return { ...own, count };
  }
}

/** What is open in another process, to be taken back when that ends. */
export class OpenElsewhere {
  readonly #open = new Map<string | null, [webSockets: number, streams: number]>();
  #clients = 0;

  add({ tallies, clients }: FiguresDelta): void {
    for (const [id, counted] of tallies) {
      const [webSockets, streams] = this.#open.get(id) ?? [0, 0];
      const [more = 0, others = 0] = counted.slice(OPEN_AT, OPEN_AT + 2);
      const now: [number, number] = [webSockets + more, streams + others];
      if (now.some(Boolean)) this.#open.set(id, now);
      else this.#open.delete(id);
    }
    this.#clients += clients[2];
  }

  /** What makes all of it closed. */
  undo(): FiguresDelta {
    const before = Array<number>(OPEN_AT).fill(0);
    return {
      tallies: [...this.#open].map(([id, [webSockets, streams]]) => [
        id,
        [...before, -webSockets, -streams],
      ]),
      ownAnswers: [],
      clients: [0, 0, -this.#clients],
    };
  }
}
