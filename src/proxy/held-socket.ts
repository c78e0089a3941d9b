import { ReadFirstSocket } from '../read-first-socket.ts';

const BUFFER_BYTES = 64 * 1_024;

/** A socket that can be held back without its reader noticing: while held there is nothing to read. */
export class HeldSocket extends ReadFirstSocket {
  held = false;

  constructor() {
    super({ highWaterMark: BUFFER_BYTES });
  }

  override read(size?: number) {
    return this.held && size !== 0 ? null : super.read(size);
  }
}
