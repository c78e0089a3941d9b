import { UndecodableError } from './bitmap.ts';

/** GIF's LZW, GIF89a appendix F: codes of 12 bits at most. */
const MOST_BITS = 12;
const MOST_CODES = 1 << MOST_BITS;

/**
 * Fills `out` with colour numbers; stops when it is full, whatever comes behind.
 * @param minBits how many bits a colour number takes
 */
export function unpackLzw(data: Uint8Array, minBits: number, out: Uint8Array): void {
  if (minBits < 1 || minBits > 8) throw new UndecodableError('is damaged');
  const strings = new Strings(minBits);
  const codes = new Codes(data);
  for (let written = 0; written < out.length; ) {
    const code = codes.next(strings.bits);
    if (code === -1 || code === strings.clear + 1) return;
    if (code === strings.clear) strings.forget();
    else written = strings.write(code, out, written);
  }
}

/** What each code stands for: a string that is known and one colour more. */
class Strings {
  readonly clear: number;
  /** How many bits the next code takes. */
  bits = 0;
  readonly #minBits: number;
  readonly #prefix = new Uint16Array(MOST_CODES);
  readonly #suffix = new Uint8Array(MOST_CODES);
  readonly #length = new Uint16Array(MOST_CODES);
  #next = 0;
  #last = -1;

  constructor(minBits: number) {
    this.#minBits = minBits;
    this.clear = 1 << minBits;
    for (let n = 0; n < this.clear; n++) {
      this.#suffix[n] = n;
      this.#length[n] = 1;
    }
    this.forget();
  }

  forget(): void {
    this.bits = this.#minBits + 1;
    this.#next = this.clear + 2;
    this.#last = -1;
  }

  /** @returns where the next string begins */
  write(code: number, out: Uint8Array, from: number): number {
    this.#learn(code);
    const end = from + (this.#length[code] as number);
    let at = code;
    // From its end, as its codes are chained.
    for (let to = end - 1; to >= from; to--) {
      if (to < out.length) out[to] = this.#suffix[at] as number;
      at = this.#prefix[at] as number;
    }
    this.#last = code;
    return end;
  }

  // The last string with the first colour of this one, which may be the very one that is learnt.
  #learn(code: number): void {
    const isNew = code === this.#next;
    const isFull = this.#next === MOST_CODES;
    if (code > this.#next || (isNew && (isFull || this.#last === -1))) {
      throw new UndecodableError('is damaged');
    }
    if (this.#last === -1 || isFull) return;
    this.#prefix[this.#next] = this.#last;
    this.#suffix[this.#next] = this.#first(isNew ? this.#last : code);
    this.#length[this.#next] = (this.#length[this.#last] as number) + 1;
    this.#next += 1;
    if (this.#next === 1 << this.bits && this.bits < MOST_BITS) this.bits += 1;
  }

  #first(code: number): number {
    let at = code;
    while ((this.#length[at] as number) > 1) at = this.#prefix[at] as number;
    return this.#suffix[at] as number;
  }
}

class Codes {
  readonly #data: Uint8Array;
  #at = 0;
  #held = 0;
  #bits = 0;

  constructor(data: Uint8Array) {
    this.#data = data;
  }

  /** @returns -1 at the end */
  next(width: number): number {
    while (this.#bits < width) {
      if (this.#at >= this.#data.length) return -1;
      this.#held |= (this.#data[this.#at++] as number) << this.#bits;
      this.#bits += 8;
    }
    const code = this.#held & ((1 << width) - 1);
    this.#held >>>= width;
    this.#bits -= width;
    return code;
  }
}
