export interface RespCommand {
  /** In capitals. */
  readonly name: string;
  /** The whole of it, as it came. */
  readonly bytes: Buffer;
}

/** Finds the commands in what a client sends: arrays of bulk strings, RESP's only form for them. */
export class RespCommands {
  #rest = Buffer.alloc(0);

  read(chunk: Buffer): RespCommand[] {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    const found: RespCommand[] = [];
    for (let next = this.#next(); next; next = this.#next()) found.push(next);
    return found;
  }

  #next(): RespCommand | null {
    const words = this.#number(0, '*');
    if (!words) return null;
    let at = words.end;
    let name = '';
    for (let word = 0; word < words.value; word++) {
      const length = this.#number(at, '$');
      if (!length || this.#rest.length < length.end + length.value + 2) return null;
      if (word === 0) name = this.#rest.toString('latin1', length.end, length.end + length.value);
      at = length.end + length.value + 2;
    }
    const bytes = this.#rest.subarray(0, at);
    this.#rest = this.#rest.subarray(at);
    return { name: name.toUpperCase(), bytes };
  }

  #number(at: number, sign: string): { value: number; end: number } | null {
    const end = this.#rest.indexOf('\r\n', at);
    if (end < 0) return null;
    const text = this.#rest.toString('latin1', at, end);
    if (text[0] !== sign) throw new Error(`not a command: ${JSON.stringify(text)}`);
    return { value: Number(text.slice(1)), end: end + 2 };
  }
}
