import { debug } from '../../debug.ts';
import type { RequestMessage, ResponseMessage } from '../../http/messages.ts';
import {
  type Connection,
  finishConnection,
  forget,
  type Unanswered,
} from '../client/connection.ts';
import { answerTo, type OwnAnswer, own, sendOwn } from '../client/own-response.ts';
import type { FailedTry } from '../request-notes.ts';
import type { Failure } from '../upstream/failure.ts';
import type { Upstream } from '../upstream/upstream.ts';
import { Attempt } from './attempt.ts';
import { type AwaitedWord, awaitWord } from './awaited-word.ts';
import type { Client } from './client.ts';
import { attemptName, type DoorContext, type Outgoing, pickUpstream } from './context.ts';
import { CLIENT_LEFT, count, isWorthReporting, report, requestId } from './report.ts';
import { type Judgement, judge, moreRoom, ownRoom, tellPool } from './shared.ts';
import type { Waiting } from './start-queue.ts';
import { takesPicture } from './undelivered-pictures.ts';

const GONE = 499;

/**
 * One request from the moment it may be passed on until its answer is out: the client's side, through
 * as many attempts as the retry policy allows.
 */
export class Exchange implements Client, Unanswered, Waiting {
  readonly context: DoorContext;
  readonly connection: Connection;
  readonly request: RequestMessage;
  readonly response: ResponseMessage;
  readonly outgoing: Outgoing;
  isGone = false;
  readonly #startMs = performance.now();
  readonly #tried: Upstream[] = [];
  #attempt: Attempt | null = null;
  #failures: readonly FailedTry[] | null = null;
  #served: string | null = null;
  #isStream = false;
  /** Why the next attempt is one more. */
  #again: Failure | null = null;
  #repeated = false;
  /** When the first attempt failed. */
  #failedMs: number | null = null;
  #trouble: string | null = null;
  /** Of the process that leads this one: most requests need none. */
  #word: AwaitedWord | null = null;
  #isOver = false;

  constructor(
    context: DoorContext,
    connection: Connection,
    request: RequestMessage,
    response: ResponseMessage,
    outgoing: Outgoing,
  ) {
    this.context = context;
    this.connection = connection;
    this.request = request;
    this.response = response;
    this.outgoing = outgoing;
    connection.unanswered.push(this);
    response.once('close', this.cutOff);
  }

  start(): void {
    this.context.retryPolicy.count();
    this.#try();
  }

  get arrived(): boolean {
    return this.request.complete;
  }

  drained(): void {
    this.response.emit('drain');
  }

  /** Its answer is out, or its client is gone, whichever is heard of first. */
  readonly cutOff = (): void => {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#closed();
  };

  refuse(verdict: 'invalid' | 'stalled'): void {
    const late = verdict === 'stalled';
    const why = `the rest of the request ${late ? 'did not come in time' : 'makes no sense'}`;
    const waited = this.context.starts.leave(this) || this.#word?.leave();
    if (waited) this.#answer(answerTo[verdict], why);
    else this.#attempt?.giveUp(verdict, why);
  }

  serve(serverId: string, isStream: boolean): void {
    this.#served = serverId;
    this.#isStream = isStream;
  }

  remark(trouble: string): void {
    this.#trouble = trouble;
  }

  failed(failure: Failure, why: string, error: Error, isOwn: boolean): void {
    const upstream = this.#attempt?.upstream ?? null;
    this.#attempt = null;
    this.#trouble = why;
    if (upstream) this.#failures = [...(this.#failures ?? []), { server: upstream.id, why }];
    debug.proxy?.(`${attemptName(this.outgoing)} failed at ${upstream?.id}, ${failure}: ${why}`);
    if (upstream && !isOwn) tellPool(this.context, upstream, failure, error, why);
    const judged = this.#judge(failure, upstream);
    if (judged instanceof Promise)
      this.#word = awaitWord(judged, (late) => this.#goOn(failure, late));
    else this.#goOn(failure, judged);
  }

  admit(): void {
    this.#try();
  }

  dismiss(): void {
    this.#answer(own.notReady, 'no server was ready in time');
  }

  #try(): void {
    const { affinity } = this.outgoing;
    const room = affinity && ownRoom(this.context, this.#tried, affinity);
    if (room) this.#word = awaitWord(room, (more) => (more ? this.#try() : this.#send()));
    else this.#send();
  }

  #send(): void {
    const upstream = pickUpstream(this.context, this.#tried, this.outgoing.affinity);
    if (!upstream) return this.#noUpstream();
    if (this.#again) this.#tried.at(-1)?.tally.retried(this.#again);
    this.#again = null;
    this.#tried.push(upstream);
    debug.proxy?.(`${attemptName(this.outgoing)} goes to ${upstream.id} ${upstream.url}`);
    this.#attempt = new Attempt(this, upstream);
    this.#attempt.start();
  }

  #noUpstream(): void {
    if (this.context.starts.enter(this)) return;
    const room = moreRoom(this.context, this.#tried);
    if (room) this.#word = awaitWord(room, (more) => (more ? this.#try() : this.#nobody()));
    else this.#nobody();
  }

  #nobody(): void {
    const none = this.#tried.length > 0 || this.context.pool.routable().length === 0;
    if (none) this.#answer(own.noServers, this.#trouble ?? 'no usable server');
    else this.#answer(own.allBusy, 'every server is at its cap');
  }

  #judge(failure: Failure, upstream: Upstream | null) {
    const nowMs = performance.now();
    this.#failedMs ??= nowMs;
    const [elapsedMs, attempts] = [nowMs - this.#failedMs, this.#tried.length];
    const [outgoing, repeated] = [this.outgoing, this.#repeated];
    return judge(this.context, { failure, upstream, outgoing, attempts, repeated, elapsedMs });
  }

  #goOn(failure: Failure, { again, poison }: Judgement): void {
    if (poison) this.#trouble = `${this.#trouble}; it is poison, so it is not tried again`;
    if (again) this.#tryAgain(failure);
    else if (failure === 'unconnected') this.#noUpstream();
    else this.#answer(answerTo[failure]);
  }

  #tryAgain(failure: Failure): void {
    if (failure !== 'unconnected') this.#repeated = true;
    this.#trouble = null;
    this.#again = failure;
    this.#try();
  }

  #answer(answer: OwnAnswer, trouble = this.#trouble): void {
    this.#trouble = trouble;
    if (answer.close) this.connection.refused = true;
    this.connection.isLast ||= !this.request.complete;
    const close = answer.close || this.context.closing;
    this.context.figures?.answeredItself(answer);
    // By this its client can ask what became of it.
    const lines = [...(answer.lines ?? []), 'X-Request-Id', requestId(this.outgoing)];
    sendOwn(this, { ...answer, lines, close });
  }

  #closed(): void {
    const whole = this.response.writableFinished;
    this.#word?.leave();
    forget(this.connection, this);
    if (!whole) {
      this.isGone = true;
      this.context.starts.leave(this);
      this.#trouble ??= CLIENT_LEFT;
      this.#attempt?.end(CLIENT_LEFT);
    }
    if (!whole || this.#served === null) this.#tellUndelivered();
    this.#report(whole);
    finishConnection(this.connection, this.context.closing);
  }

  // The server counts the picture as delivered, but it has only reached the door.
  #tellUndelivered(): void {
    const { method, path, attempt } = this.outgoing;
    if (this.#tried.length > 0 && takesPicture(method, path)) this.context.onUndelivered(attempt);
  }

  #report(whole: boolean): void {
    const { headersSent, statusCode } = this.response;
    const status = whole || headersSent ? statusCode : GONE;
    const durationMs = performance.now() - this.#startMs;
    count(this.context, this.#tried, status, this.#isStream ? null : durationMs);
    if (!isWorthReporting(this.context, status, this.#failures, this.#trouble)) return;
    const [served, tried, failures] = [this.#served, this.#tried, this.#failures];
    const ended = { status, durationMs, served, tried, failures, trouble: this.#trouble };
    report(this.context, this.outgoing, ended);
  }
}
