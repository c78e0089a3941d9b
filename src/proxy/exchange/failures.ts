import { type OwnAnswer, own } from '../client/own-response.ts';

/**
 * How an attempt ended without an answer.
 * `unconnected`: no connection, so not a byte was sent. `short`: the door has no sockets left.
 * `broken`: the connection ended before the first byte of an answer. `gone`: the door gave the server
 * up before that, after it had failed its health checks. `garbled`: an answer began and made no sense. `late`: no answer in time. `stalled`: the client stopped sending. `invalid`: the
 * request cannot be put on the wire.
 */
export type Failure =
  | 'unconnected'
  | 'short'
  | 'broken'
  | 'gone'
  | 'garbled'
  | 'late'
  | 'stalled'
  | 'invalid';

/**
 * What a client is told when its request failed and is not tried again. Where a server may have done
 * what was asked it is never 503, which invites to ask again.
 */
export const answerTo: Readonly<Record<Failure, OwnAnswer>> = {
  unconnected: own.noServers,
  short: own.doorShort,
  broken: own.badGateway,
  gone: own.badGateway,
  garbled: own.badGateway,
  late: own.tooLate,
  stalled: own.slowClient,
  invalid: own.badRequest,
};
