import { constants, type ServerHttp2Session } from 'node:http2';

/** What nghttp2 calls what a client did wrong (nghttp2.h, `nghttp2_error`), and what RFC 9113 §7 calls it. */
const codes: ReadonlyMap<unknown, number> = new Map([
  [-505, constants.NGHTTP2_PROTOCOL_ERROR],
  [-510, constants.NGHTTP2_STREAM_CLOSED],
  [-522, constants.NGHTTP2_FRAME_SIZE_ERROR],
  [-523, constants.NGHTTP2_COMPRESSION_ERROR],
  [-524, constants.NGHTTP2_FLOW_CONTROL_ERROR],
  [-536, constants.NGHTTP2_PROTOCOL_ERROR],
  [-537, constants.NGHTTP2_ENHANCE_YOUR_CALM],
  [-538, constants.NGHTTP2_ENHANCE_YOUR_CALM],
  [-903, constants.NGHTTP2_PROTOCOL_ERROR],
]);

/**
 * Tells a client what it did wrong at the end of its connection: RFC 9113 §5.4.1. Node calls each of its
 * errors an INTERNAL_ERROR, as if it were the door's.
 */
export function sayErrors(session: ServerHttp2Session): void {
  const destroy = session.destroy.bind(session);
  session.destroy = (error, code) => {
    destroy(error, code ?? codes.get((error as NodeJS.ErrnoException | undefined)?.errno));
  };
}
