import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Dispatcher } from 'undici';
import { closeInSteps } from '../../http/early-close.ts';
import { isForClient, sendInterim } from '../../http/interim.ts';
import {
  type Connection,
  finishConnection,
  forget,
  type Unanswered,
} from '../client/connection.ts';
import { endPolitely, type OwnAnswer, own, sendOwn } from '../client/own-response.ts';
import type { AttemptHandler, FlowControl } from '../upstream/connection.ts';
import { isRefusal, isVacant, judgeFailure, remark } from '../upstream/failure.ts';
import type { PendingRequest, Upstream } from '../upstream/upstream.ts';
import type { Outgoing } from './context.ts';
import { type DoorContext, endsStreams, pickUpstream } from './context.ts';
import { EventEnd } from './event-end.ts';
import { sendExpecting } from './expect-continue.ts';
import { RequestBody } from './request-body.ts';
import { interimAnswer, ResponseHead, statusText, trailerLines } from './response-head.ts';
import type { Failure } from './retry-policy.ts';
import type { Waiting } from './start-queue.ts';
import { takesPicture } from './undelivered.ts';

type Phase = 'idle' | 'connecting' | 'sending' | 'waiting' | 'answering' | 'over';

/** How much of an answer may wait here for a client that reads slowly. */
const MAX_BUFFERED_BYTES = 128 * 1_024;

const GONE = 499;
const CONTINUE = 100;
const SWITCHING = 101;
const INFORMATIONAL_END = 200;
const NO_CONTENT = 204;
const NOT_MODIFIED = 304;

const ownAnswers: Readonly<Record<Failure, OwnAnswer>> = {
  unconnected: own.noServers,
  short: own.doorShort,
  broken: own.badGateway,
  gone: own.badGateway,
  garbled: own.badGateway,
  late: own.tooLate,
  stalled: own.slowClient,
  invalid: own.badRequest,
};

/**
 * One request from the moment it may be passed on until its answer is out, through as many servers
 * as the retry policy allows. It is itself the handler that undici calls, one object for all tries: this
 * is the hot path.
 */
export class Exchange implements AttemptHandler, PendingRequest, Unanswered, Waiting {
  readonly #context: DoorContext;
  readonly #connection: Connection;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #outgoing: Outgoing;
  readonly #startMs = performance.now();
  readonly #tried: Upstream[] = [];
  slot = 0;
  #upstream: Upstream | null = null;
  #flow: FlowControl | null = null;
  #body: RequestBody | null = null;
  #abort: ((error?: Error) => void) | null = null;
  #phase: Phase = 'idle';
  /** Coarse time of the last sign of life. */
  #stampMs: number;
  #served: string | null = null;
  #answerBegan = false;
  #repeated = false;
  /** When the first try failed. */
  #failedMs: number | null = null;
  #gone = false;
  #paused = false;
  /** Only the end of its connection ends the answer. */
  #isOpenEnded = false;
  /** Of an event stream without a length. */
  #events: EventEnd | null = null;
  #isStream = false;
  /** What is still to come of an answer that gives its length; negative without one. */
  #missing = -1;
  #interim = 0;
  /** Set before an abort of our own: what to call it. */
  #verdict: Failure | null = null;
  #trouble: string | null = null;

  constructor(
    context: DoorContext,
    connection: Connection,
    request: IncomingMessage,
    response: ServerResponse,
    outgoing: Outgoing,
  ) {
    this.#context = context;
    this.#connection = connection;
    this.#request = request;
    this.#response = response;
    this.#outgoing = outgoing;
    this.#stampMs = context.nowMs;
    connection.unanswered.push(this);
    response.on('close', () => this.#closed());
  }

  begin(): void {
    this.#context.retryPolicy.count();
    this.#try();
  }

  get arrived(): boolean {
    return this.#request.complete;
  }

  drained(): void {
    this.#response.emit('drain');
  }

  refuse(why: 'invalid' | 'stalled'): void {
    const late = why === 'stalled';
    this.#giveUp(
      why,
      `the rest of the request ${late ? 'did not come in time' : 'makes no sense'}`,
    );
  }

  check(nowMs: number): void {
    const { responseHeaderMs, bodyIdleMs, streamIdleMs } = this.#context.options;
    const waited = nowMs - this.#stampMs;
    if (this.#phase === 'waiting' && waited > responseHeaderMs) {
      this.#giveUp('late', `no answer in ${responseHeaderMs} ms`);
    } else if (this.#phase === 'sending' && waited > bodyIdleMs) {
      if (this.#body?.paused) this.#giveUp('late', `took none of the body for ${bodyIdleMs} ms`);
      else this.#giveUp('stalled', `the client sent nothing for ${bodyIdleMs} ms`);
    } else if (this.#events && this.#upstream && endsStreams(this.#context, this.#upstream)) {
      if (this.#events.soon(nowMs, this.#context.options.upgradeCloseMs)) this.#endStream();
    } else if (
      this.#phase === 'answering' &&
      waited > (this.#isStream ? streamIdleMs : bodyIdleMs)
    ) {
      this.#giveUp('late', this.#paused ? 'the client reads no more' : 'the answer stands still');
    }
  }

  abandon(): void {
    const waits = this.#phase === 'waiting' || this.#phase === 'sending';
    if (waits && !this.#answerBegan) this.#giveUp('gone', 'the server is gone');
  }

  attach(flow: FlowControl): void {
    this.#flow = flow;
  }

  onConnect(abort: (error?: Error) => void): void {
    this.#unqueue();
    this.#abort = abort;
    this.#stampMs = this.#context.nowMs;
    this.#phase = this.#body ? 'sending' : 'waiting';
    if (this.#gone || this.#verdict) abort();
  }

  onResponseStarted(): void {
    this.#answerBegan = true;
  }

  onHeaders(status: number, raw: Buffer[], _resume: () => void, words: string): boolean {
    if (this.#upstream) this.#upstream.answeredMs = this.#context.nowMs;
    if (status < INFORMATIONAL_END) return this.#interimAnswer(status, raw, words);
    const head = new ResponseHead(status, raw);
    if (head.ambiguous) {
      this.#giveUp('garbled', 'the framing of its answer is ambiguous');
      return true;
    }
    this.#context.poison.answered(this.#outgoing.method, this.#outgoing.path);
    const last = this.#context.closing || !this.#request.complete;
    this.#connection.isLast = last;
    const serverId = this.#upstream?.id ?? '';
    this.#served = serverId;
    const lines = head.finish({ serverId, trailersPossible: this.#trailersPossible(status), last });
    const { stick } = this.#outgoing;
    if (stick) this.#context.sticky?.mark(lines, serverId, stick);
    this.#response.writeHead(status, statusText(status, words), lines);
    this.#isStream = head.isStream;
    this.#missing = head.length;
    this.#isOpenEnded = head.isOpenEnded && this.#mayHaveBody(status);
    if (head.isStream && head.length < 0) this.#events = new EventEnd();
    this.#phase = 'answering';
    this.#stampMs = this.#context.nowMs;
    return true;
  }

  onData(piece: Buffer): boolean {
    this.#stampMs = this.#context.nowMs;
    if (this.#verdict || this.#response.writableEnded) return true;
    const end = this.#events?.take(piece) ?? null;
    if (end !== null) {
      this.#response.write(piece.subarray(0, end));
      this.#endStream();
      return true;
    }
    // The last piece, mostly the only one: 1 of 28 µs less than a write and an end.
    if (piece.length === this.#missing && this.#request.complete) {
      this.#response.end(piece);
      return true;
    }
    this.#missing -= piece.length;
    if (!this.#response.write(piece) && !this.#paused) this.#pauseIfSlow();
    return true;
  }

  onComplete(trailers: string[] | null): void {
    // What came in one piece with the reason for giving up is still parsed to its end.
    if (this.#verdict) return this.onError(new Error(this.#trouble ?? ''));
    if (this.#response.writableEnded) return void this.#leave();
    if (this.#isOpenEnded && this.#flow?.wasReset) return this.#cut('the answer broke off');
    this.#leave();
    if (trailers?.length) this.#response.addTrailers(trailerLines(trailers));
    endPolitely(this.#request, this.#response, this.#context.options);
  }

  onError(error: Error): void {
    const connected = this.#phase !== 'connecting';
    const upstream = this.#leave();
    if (this.#gone || this.#response.writableEnded) return;
    if (this.#response.headersSent) return this.#endOrCut(error);
    const judged = judgeFailure(error, connected, this.#answerBegan);
    const failure = this.#verdict ?? judged.failure;
    this.#trouble ??= judged.why;
    if (upstream) this.#tellPool(upstream, failure, error);
    if (this.#mayTryAgain(failure, upstream)) this.#tryAgain(failure);
    else if (failure === 'unconnected') this.#noUpstream();
    else this.#answer(ownAnswers[failure]);
  }

  admit(): void {
    this.#try();
  }

  dismiss(): void {
    this.#trouble = 'no server was ready in time';
    this.#answer(own.notReady);
  }

  #try(): void {
    const upstream = pickUpstream(this.#context, this.#tried, this.#outgoing.stick);
    if (!upstream) return this.#noUpstream();
    const { method, path, lines, attemptAt, attempt, hasBody, expecting } = this.#outgoing;
    for (const at of attemptAt) lines[at] = attempt;
    this.#enter(upstream);
    this.#body = hasBody ? new RequestBody(this.#request, this.#moved) : null;
    if (expecting) {
      sendExpecting(upstream, this.#outgoing, this.#body, this, this.#expectation());
      return;
    }
    const body = this.#body?.stream ?? null;
    const options: Dispatcher.DispatchOptions = { method, path, headers: lines, body };
    upstream.connections.dispatch(options, this);
  }

  #noUpstream(): void {
    if (this.#context.starts.enter(this)) {
      this.#phase = 'idle';
      return;
    }
    if (this.#tried.length > 0 || this.#context.pool.routable().length === 0) {
      this.#trouble ??= 'no usable server';
      return this.#answer(own.noServers);
    }
    this.#trouble = 'every server is at its cap';
    this.#answer(own.allBusy);
  }

  #enter(upstream: Upstream): void {
    this.#upstream = upstream;
    this.#tried.push(upstream);
    this.#phase = 'connecting';
    this.#answerBegan = false;
    this.#interim = 0;
    upstream.inflight += 1;
    upstream.queued += 1;
    upstream.pending.add(this);
  }

  #unqueue(): void {
    if (this.#phase !== 'connecting' || !this.#upstream) return;
    this.#upstream.queued -= 1;
    if (this.#upstream.state === 'draining') this.#context.onChange();
  }

  #leave(): Upstream | null {
    const upstream = this.#upstream;
    if (!upstream) return null;
    this.#unqueue();
    this.#upstream = null;
    this.#abort = null;
    this.#phase = 'over';
    upstream.inflight -= 1;
    upstream.pending.remove(this);
    this.#flow?.finish();
    this.#flow = null;
    this.#body?.destroy();
    return upstream;
  }

  readonly #moved = () => {
    this.#stampMs = this.#context.nowMs;
    if (this.#phase === 'sending' && this.#request.complete) this.#phase = 'waiting';
  };

  #expectation() {
    const { doorConnectMs, expectWaitMs, maxHeaderBytes } = this.#context.options;
    const goAhead = () => {
      if (!this.#response.headersSent) this.#response.writeContinue();
    };
    return { connectMs: doorConnectMs, waitMs: expectWaitMs, maxHeaderBytes, goAhead };
  }

  // A request that a server answered so is never tried on another: a part of its answer has come.
  #interimAnswer(status: number, raw: Buffer[], words: string): boolean {
    this.#interim += 1;
    if (this.#interim > this.#context.options.maxInterimAnswers) {
      this.#giveUp('garbled', 'its 1xx answers have no end');
    } else if (status < CONTINUE || status === SWITCHING) {
      this.#giveUp('garbled', `nobody asked for its status ${status}`);
    } else if (isForClient(status, this.#request.httpVersion)) {
      sendInterim(this.#response, interimAnswer(status, raw, words, this.#upstream?.id ?? ''));
    }
    return true;
  }

  #trailersPossible(status: number): boolean {
    return this.#request.httpVersion === '1.1' && this.#mayHaveBody(status);
  }

  #mayHaveBody(status: number): boolean {
    if (this.#outgoing.method === 'HEAD') return false;
    return status !== NO_CONTENT && status !== NOT_MODIFIED;
  }

  // Node's own limit is one piece: each answer of two would stop the server's socket for nothing.
  #pauseIfSlow(): void {
    if (this.#response.writableLength < MAX_BUFFERED_BYTES) return;
    this.#paused = true;
    this.#flow?.pause();
    this.#response.once('drain', () => this.#drained());
  }

  #drained(): void {
    this.#paused = false;
    this.#stampMs = this.#context.nowMs;
    this.#flow?.resume();
  }

  #tellPool(upstream: Upstream, failure: Failure, error: Error): void {
    const { pool, onChange } = this.#context;
    if (failure === 'unconnected' && isRefusal(error)) {
      pool.refused(upstream, this.#trouble ?? '', isVacant(error));
    } else if (failure === 'broken' && this.#verdict === null) pool.reset(upstream);
    else return;
    onChange();
  }

  // A whole answer to its client, which asks again, elsewhere.
  #endStream(): void {
    this.#response.end();
    this.#trouble = 'ended: its server leaves';
    this.#destroy(this.#trouble);
  }

  #mayTryAgain(failure: Failure, upstream: Upstream | null): boolean {
    const { method, hasBody } = this.#outgoing;
    const tries = this.#tried.length;
    const nowMs = performance.now();
    this.#failedMs ??= nowMs;
    const elapsedMs = nowMs - this.#failedMs;
    const poison = this.#isPoison(failure, upstream, nowMs);
    const repeated = this.#repeated;
    const facts = { failure, method, hasBody, poison, tries, repeated, elapsedMs };
    return this.#context.retryPolicy.allows(facts);
  }

  #isPoison(failure: Failure, upstream: Upstream | null, nowMs: number): boolean {
    if (!upstream || (failure !== 'broken' && failure !== 'gone')) return false;
    const { method, path } = this.#outgoing;
    const breaking = { method, path, upstream, repeated: this.#repeated };
    const poison = this.#context.poison.broke(breaking, nowMs);
    if (poison) this.#trouble = `${this.#trouble}; it is poison, so it is not tried again`;
    return poison;
  }

  #tryAgain(failure: Failure): void {
    if (failure !== 'unconnected') this.#repeated = true;
    this.#verdict = null;
    this.#trouble = null;
    this.#try();
  }

  // RFC 9112 §6.3: these two have no body, whatever length they give; undici waits for one.
  #endOrCut(error: Error): void {
    const { statusCode } = this.#response;
    if (statusCode === NO_CONTENT || statusCode === NOT_MODIFIED) this.#response.end();
    else this.#cut(this.#trouble ?? judgeFailure(error, true, true).why);
  }

  #giveUp(verdict: Failure, why: string): void {
    if (this.#phase === 'over') return;
    this.#verdict = verdict;
    this.#trouble = why;
    if (this.#context.starts.leave(this)) this.#answer(ownAnswers[verdict]);
    else this.#destroy(why);
  }

  // Before the connection stands there is nothing to end: `onConnect` will see to it.
  #destroy(why: string): void {
    if (this.#abort) this.#flow?.destroy(new Error(why));
  }

  #answer(answer: OwnAnswer): void {
    this.#phase = 'over';
    if (answer.close) this.#connection.refused = true;
    this.#connection.isLast ||= !this.#request.complete;
    const close = answer.close || this.#context.closing;
    sendOwn(this.#request, this.#response, { ...answer, close }, this.#context.options);
  }

  /** The client must see that the answer is not whole; an HTTP/1.0 client only sees a reset. */
  #cut(why: string): void {
    this.#trouble = why;
    this.#leave();
    if (this.#request.httpVersion === '1.0') this.#connection.socket.resetAndDestroy();
    else if (this.#request.complete) this.#response.destroy();
    else closeInSteps(this.#request, this.#context.options);
  }

  #closed(): void {
    const whole = this.#response.writableFinished;
    forget(this.#connection, this);
    if (!whole) {
      this.#gone = true;
      this.#context.starts.leave(this);
      this.#trouble ??= 'the client left';
      this.#destroy('the client left');
    }
    if (!whole || this.#served === null) this.#tellUndelivered();
    this.#tell(whole);
    finishConnection(this.#connection, this.#context.closing);
  }

  // What the server counts as delivered has only got as far as here.
  #tellUndelivered(): void {
    const { method, path, attempt } = this.#outgoing;
    if (this.#tried.length > 0 && takesPicture(method, path)) this.#context.onUndelivered(attempt);
  }

  #tell(whole: boolean): void {
    const { onAnswer } = this.#context;
    if (!onAnswer) return;
    const { headersSent, statusCode } = this.#response;
    const durationMs = performance.now() - this.#startMs;
    onAnswer({
      at: Date.now() - durationMs,
      method: this.#outgoing.method,
      path: this.#outgoing.path,
      server: this.#served,
      status: whole || headersSent ? statusCode : GONE,
      durationMs,
      tried: this.#tried.map(({ id }) => id),
      trouble: remark(statusCode, this.#served) ?? this.#trouble,
    });
  }
}
