/** What in Redis is of this host and not to be started. Said once for the same ones, whatever their number. */
export class Refused {
  readonly #say: (line: string) => void;
  readonly #why = new Map<string, string>();
  #told = '';

  constructor(say: (line: string) => void) {
    this.#say = say;
  }

  add(id: string, why: string): void {
    this.#why.set(id, why);
  }

  clear(): void {
    this.#why.clear();
  }

  tell(): void {
    const ids = [...this.#why.keys()].sort();
    const now = ids.join();
    if (now !== this.#told && ids.length > 0) this.#say(this.#inWords(ids));
    this.#told = now;
  }

  #inWords(ids: readonly string[]): string {
    const [first = ''] = ids;
    const others = ids.length === 1 ? '' : `, and ${ids.length - 1} more like it`;
    const why = this.#why.get(first) ?? '';
    return `server ${first} is not started: ${why}${others}. Remove it: meowctl destroy ${first}`;
  }
}
