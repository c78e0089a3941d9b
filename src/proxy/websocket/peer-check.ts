import type { Socket } from 'node:net';
import type { FrameTracker } from './frames.ts';

/**
 * Finds out that one side of a WebSocket has gone while the other does not read. Nothing is read
 * from it then, so neither its end nor a reset is seen. A pong that nobody asked for may come at
 * any time (RFC 6455 §5.5.3) and needs no answer; the system of one who has gone answers with a
 * reset, which the next one meets.
 */
export class PeerCheck {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #frames: FrameTracker;
  readonly #pong: Buffer;
  #read = -1;
  #stuck = false;

  /**
   * @param from the side that may have gone
   * @param to the side that may not read
   * @param frames of what goes to `from`: a pong goes between two frames
   */
  constructor(from: Socket, to: Socket, frames: FrameTracker, pong: Buffer) {
    this.#from = from;
    this.#to = to;
    this.#frames = frames;
    this.#pong = pong;
  }

  /** Called a few times a second. */
  look(): void {
    const from = this.#from;
    const { bytesRead } = from;
    this.#stuck = this.#to.writableNeedDrain && bytesRead === this.#read;
    this.#read = bytesRead;
    // While something waits to be sent to it, the system tells of its end.
    if (!this.#stuck || from.writableLength > 0 || !from.writable) return;
    if (this.#frames.reached) from.write(this.#pong);
  }

  /** The other side has read nothing for a while. */
  get isStuck(): boolean {
    return this.#stuck;
  }
}
