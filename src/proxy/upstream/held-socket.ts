import { ReadFirstSocket } from '../../http/read-first-socket.ts';

const READ_BYTES = 64 * 1_024;
/** More than the largest piece and a head, so that one that the kernel takes pauses nobody. */
const WRITE_BYTES = 128 * 1_024;

/** A socket that can be held back without its reader noticing: while held there is nothing to read. */
export class HeldSocket extends ReadFirstSocket {
  held = false;

  constructor() {
    super({ readableHighWaterMark: READ_BYTES, writableHighWaterMark: WRITE_BYTES });
  }

  override read(size?: number) {
    return this.held && size !== 0 ? null : super.read(size);
  }
}
