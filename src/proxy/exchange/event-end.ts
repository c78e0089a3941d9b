const LF = 0x0a;
const CR = 0x0d;

/**
 * Follows an event stream so that it can be ended between two events: after a blank line (WHATWG HTML
 * §9.2.6). Until it is to end, it only looks at the last bytes of each piece.
 */
export class EventEnd {
  /** Line ends in a row, with nothing between them. Before the first byte no event is under way. */
  #ends = 2;
  #wasCr = false;
  /** Since when it is to end. */
  #sinceMs: number | null = null;

  /**
   * Asks for the end, after the current event.
   * @param waitMs an event that takes longer is not waited for
   * @returns whether it may end right now
   */
  soon(nowMs: number, waitMs: number): boolean {
    this.#sinceMs ??= nowMs;
    return this.#reached || nowMs - this.#sinceMs > waitMs;
  }

  /** @returns how many of these bytes to pass on before the end; null to pass on all and go on */
  take(piece: Buffer): number | null {
    if (this.#sinceMs !== null) return this.#endIn(piece);
    // A blank line takes at most four bytes.
    for (const byte of piece.subarray(-4)) this.#step(byte);
    return null;
  }

  get #reached(): boolean {
    return this.#ends > 1;
  }

  #endIn(piece: Buffer): number | null {
    for (let at = 0; !this.#reached; at += 1) {
      const byte = piece[at];
      if (byte === undefined) return null;
      this.#step(byte);
      if (this.#reached) return at + 1;
    }
    return 0;
  }

  #step(byte: number): void {
    const isSecondHalf = byte === LF && this.#wasCr;
    this.#wasCr = byte === CR;
    if (!isSecondHalf) this.#ends = byte === LF || byte === CR ? this.#ends + 1 : 0;
  }
}
