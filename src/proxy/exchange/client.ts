import type { RequestMessage, ResponseMessage } from '../../http/messages.ts';
import type { Connection } from '../client/connection.ts';
import type { Failure } from '../upstream/failure.ts';
import type { DoorContext, Outgoing } from './context.ts';

/** The client's side of a request, as an attempt and its answer see it. */
export interface Client {
  readonly context: DoorContext;
  readonly connection: Connection;
  readonly request: RequestMessage;
  readonly response: ResponseMessage;
  readonly outgoing: Outgoing;
  /** It has left. */
  readonly isGone: boolean;
  /** A server answers, perhaps with an event stream: the head is about to go out. */
  serve(serverId: string, isStream: boolean): void;
  /** For the log: what went wrong with an answer that is under way. */
  remark(trouble: string): void;
  /** No byte of an answer has gone out. `isOwn`: the door gave the attempt up. */
  failed(failure: Failure, why: string, error: Error, isOwn: boolean): void;
}
