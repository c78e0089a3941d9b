import { METHODS } from 'node:http';

/** Which part of a head was too large. */
export type TooLarge = 'target' | 'lines';

const LINE_END = '\n';
const TAIL = ' HTTP/1.1\r'.length;
const REQUEST = new RegExp(`^(?:${METHODS.join('|')}) `);
const REQUEST_END = / HTTP\/\d\.\d\r?$/;
const IN_TARGET = /^[!-~]*$/;

/**
 * Finds out which line of a head was too long. Node's parser does not say, and gives only the packet
 * in which it gave up: if the line does not begin there, its end has to tell.
 */
export class HeadOverflow {
  readonly #decide: (found: TooLarge) => void;
  readonly #timer: NodeJS.Timeout;
  #first = true;
  #tail = '';
  #spaced = false;

  /** @param decide called once; after `waitMs` without a packet, with the likely answer */
  constructor(decide: (found: TooLarge) => void, waitMs: number) {
    this.#decide = decide;
    this.#timer = setTimeout(() => this.guess(), waitMs);
  }

  /** The line will not end. */
  guess(): void {
    this.#end(this.#spaced ? 'lines' : 'target');
  }

  /** The next packet; the parser gave up at byte `at` of the first. */
  take(packet: Buffer, at: number): void {
    const found = this.#first ? begins(packet, at) : null;
    this.#first = false;
    this.#timer.refresh();
    if (found) this.#end(found);
    else this.#follow(packet.toString('latin1'));
  }

  /** The answer is no longer needed. */
  stop(): void {
    clearTimeout(this.#timer);
  }

  #follow(text: string): void {
    const end = text.indexOf(LINE_END);
    const line = this.#tail + (end === -1 ? text : text.slice(0, end));
    this.#tail = line.slice(-TAIL);
    this.#spaced ||= !IN_TARGET.test(line);
    if (end !== -1) this.#end(REQUEST_END.test(line) ? 'target' : 'lines');
  }

  #end(found: TooLarge): void {
    this.stop();
    this.#decide(found);
  }
}

function begins(packet: Buffer, at: number): TooLarge | null {
  const before = packet.toString('latin1', 0, at);
  const begin = before.lastIndexOf(LINE_END, before.length - 2) + 1;
  if (REQUEST.test(before.slice(begin, begin + 32))) return 'target';
  return begin > 0 ? 'lines' : null;
}
