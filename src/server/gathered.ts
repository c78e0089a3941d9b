/** Bytes that come in pieces, in one buffer from the start: joining them at its end copies all again. */
export class Gathered {
  #buffer: Buffer;
  #size = 0;

  /** @param expected how many bytes may come, at most; more only cost time */
  constructor(expected: number) {
    this.#buffer = Buffer.allocUnsafeSlow(expected);
  }

  add(piece: Buffer): void {
    const size = this.#size + piece.length;
    if (size > this.#buffer.length) this.#grow(size);
    piece.copy(this.#buffer, this.#size);
    this.#size = size;
  }

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#size);
  }

  #grow(atLeast: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(atLeast, 2 * this.#buffer.length));
    this.#buffer.copy(larger, 0, 0, this.#size);
    this.#buffer = larger;
  }
}
