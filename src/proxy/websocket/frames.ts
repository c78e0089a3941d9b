const MASK_BIT = 0x80;
const LENGTH_BITS = 0x7f;
const TWO_BYTE_LENGTH = 126;
const MASK_BYTES = 4;

/**
 * Follows one direction of a WebSocket to know where its frames end, RFC 6455 §5.2: a close frame
 * put anywhere else would be read as somebody's data.
 */
export class FrameTracker {
  /** Bytes of the current frame's head, as far as they came: at most 14. */
  readonly #head: number[] = [];
  #payloadLeft = 0;

  /** The last byte taken was the last of a frame. */
  get reached(): boolean {
    return this.#payloadLeft === 0 && this.#head.length === 0;
  }

  take(piece: Buffer): void {
    let at = 0;
    while (at < piece.length) {
      if (this.#payloadLeft > 0) {
        const skipped = Math.min(this.#payloadLeft, piece.length - at);
        this.#payloadLeft -= skipped;
        at += skipped;
        continue;
      }
      this.#head.push(piece[at] ?? 0);
      at += 1;
      if (this.#head.length < headBytes(this.#head)) continue;
      this.#payloadLeft = payloadBytes(this.#head);
      this.#head.length = 0;
    }
  }
}

function headBytes(head: readonly number[]): number {
  const second = head[1];
  if (second === undefined) return 2;
  return 2 + extendedBytes(second) + (second & MASK_BIT ? MASK_BYTES : 0);
}

function extendedBytes(second: number): number {
  const short = second & LENGTH_BITS;
  if (short < TWO_BYTE_LENGTH) return 0;
  return short === TWO_BYTE_LENGTH ? 2 : 8;
}

function payloadBytes(head: readonly number[]): number {
  const second = head[1] ?? 0;
  const extended = extendedBytes(second);
  if (extended === 0) return second & LENGTH_BITS;
  return head.slice(2, 2 + extended).reduce((sum, byte) => sum * 256 + byte, 0);
}

// RFC 6455 §5.5.1, §7.4.1: FIN and opcode 8, then 1001, "going away".
const CLOSE = 0x88;
const GOING_AWAY = [0x03, 0xe9];
const PONG = 0x8a;

/** As a server sends it. */
export const closeForClient: Buffer = Buffer.from([CLOSE, GOING_AWAY.length, ...GOING_AWAY]);

/** As a client sends it: masked, here with zeros. */
export const closeForServer: Buffer = Buffer.from([
  CLOSE,
  MASK_BIT | GOING_AWAY.length,
  ...[0, 0, 0, 0],
  ...GOING_AWAY,
]);

/** An empty pong, as a server sends it. */
export const pongForClient: Buffer = Buffer.from([PONG, 0]);

/** As a client sends it. */
export const pongForServer: Buffer = Buffer.from([PONG, MASK_BIT, ...[0, 0, 0, 0]]);
