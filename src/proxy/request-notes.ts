import type { Answered } from './exchange/context.ts';

/** One server that was asked in vain. */
export interface FailedTry {
  readonly server: string;
  readonly why: string;
}

/** A request that failed, or that more than one server was asked for. */
export interface RequestNote extends Answered {
  /** As its server was told in `X-Request-Id`. */
  readonly id: string;
  readonly failures: readonly FailedTry[];
}

export interface NotesWanted {
  readonly id?: string;
  /** One of the servers that were asked. */
  readonly server?: string;
}

const MAX_PATH = 200;

/** As it is kept: its target may be long. */
export function shortNote(note: RequestNote): RequestNote {
  const { path } = note;
  const short = path.length > MAX_PATH ? `${path.slice(0, MAX_PATH - 1)}…` : path;
  return { ...note, path: short };
}

/** What a door remembers of requests that had trouble: the newest ones, in memory alone. */
export class RequestNotes {
  readonly #most: number;
  readonly #notes: RequestNote[] = [];
  #next = 0;

  constructor(most: number) {
    this.#most = most;
  }

  add(note: RequestNote): void {
    this.#notes[this.#next] = shortNote(note);
    this.#next = (this.#next + 1) % this.#most;
  }

  /** Newest first. */
  find({ id, server }: NotesWanted): RequestNote[] {
    const byAge = [...this.#notes.slice(this.#next), ...this.#notes.slice(0, this.#next)];
    return byAge
      .reverse()
      .filter((note) => id === undefined || note.id === id)
      .filter((note) => server === undefined || note.tried.includes(server));
  }
}
