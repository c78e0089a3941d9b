import type { Dispatcher } from 'undici';
import { isForClient, passInterim } from '../../http/interim.ts';
import { type Failure, judgeFailure } from '../upstream/failure.ts';
import type { AttemptHandler, FlowControl } from '../upstream/pausable-connection.ts';
import type { PendingRequest, Upstream } from '../upstream/upstream.ts';
import { Answer, type AnswerSource } from './answer.ts';
import type { Client } from './client.ts';
import { sendExpecting } from './expect-continue.ts';
import { nextPhase, type Phase, type PhaseEvent, phases } from './phases.ts';
import { RequestBody } from './request-body.ts';
import { interimLines, ResponseHead } from './response-head.ts';

const CONTINUE = 100;
const SWITCHING = 101;
const INFORMATIONAL_END = 200;

/**
 * One attempt of a request: one server, one connection. It is itself the handler that undici calls, as
 * this is the hot path. undici 7 still calls this form of handler itself, and wraps the newer one.
 */
export class Attempt implements AnswerSource, AttemptHandler, PendingRequest {
  readonly upstream: Upstream;
  slot = 0;
  flow: FlowControl | null = null;
  readonly #client: Client;
  readonly #body: RequestBody | null;
  #phase: Phase = 'connecting';
  /** Coarse time of the last progress. */
  #stampMs: number;
  #answerBegan = false;
  #answer: Answer | null = null;
  #interim = 0;
  /** Set when the door itself gives up: as what kind of failure, and why. */
  #verdict: Failure | null = null;
  #why = '';

  constructor(client: Client, upstream: Upstream) {
    this.#client = client;
    this.upstream = upstream;
    this.#stampMs = client.context.nowMs;
    this.#body = client.outgoing.hasBody ? new RequestBody(client.request, this.#moved) : null;
  }

  start(): void {
    const { upstream } = this;
    const { method, path, lines, attemptAt, attempt, expecting } = this.#client.outgoing;
    for (const at of attemptAt) lines[at] = attempt;
    upstream.inflight += 1;
    upstream.queued += 1;
    upstream.pending.add(this);
    if (expecting) {
      sendExpecting(upstream, this.#client.outgoing, this.#body, this, this.#expectation());
      return;
    }
    const body = this.#body?.stream ?? null;
    const options: Dispatcher.DispatchOptions = { method, path, headers: lines, body };
    upstream.connections.dispatch(options, this);
  }

  /** Ends it; `onError` follows. */
  giveUp(verdict: Failure, why: string): void {
    if (this.#phase === 'over') return;
    this.#verdict = verdict;
    this.#why = why;
    this.end(why);
  }

  /** Ends its connection, whatever is under way. One that was not begun yet is ended by `onConnect`. */
  end(why: string): void {
    if (this.#phase !== 'over') this.flow?.destroy(new Error(why));
  }

  check(nowMs: number): void {
    if (this.#answer?.endIfLeaving(nowMs)) return this.#endStream();
    const { limit, streamLimit } = phases[this.#phase];
    const name = this.#answer?.isStream ? (streamLimit ?? limit) : limit;
    if (name === null || name === 'doorConnectMs') return; // the connection's own to watch
    const limitMs = this.#client.context.options[name];
    if (nowMs - this.#stampMs > limitMs) this.#isLate(limitMs);
  }

  abandon(): void {
    if (this.#phase === 'connecting') return this.giveUp('unconnected', 'the server is gone');
    const waits = this.#phase === 'waiting' || this.#phase === 'sending';
    if (waits && !this.#answerBegan) this.giveUp('gone', 'the server is gone');
  }

  attach(flow: FlowControl): void {
    this.flow = flow;
  }

  onConnect(abort: (error?: Error) => void): void {
    this.#unqueue();
    this.#stampMs = this.#client.context.nowMs;
    this.#move(this.#body ? 'connectedWithBody' : 'connected');
    if (this.#client.isGone || this.#verdict) abort();
  }

  onResponseStarted(): void {
    this.#answerBegan = true;
  }

  onHeaders(status: number, raw: Buffer[], _resume: () => void, reasonPhrase: string): boolean {
    const { context, outgoing, request } = this.#client;
    this.upstream.answeredMs = context.nowMs;
    if (status < INFORMATIONAL_END) return this.#interimAnswer(status, raw, reasonPhrase);
    const head = new ResponseHead(status, raw);
    const unfit = head.unfitFor(request.httpVersion, status);
    if (unfit !== null) {
      this.giveUp('garbled', unfit);
      return true;
    }
    context.poison.answered(outgoing.method, outgoing.path);
    this.#client.serve(this.upstream.id, head.isStream);
    this.#answer = new Answer(this.#client, this, head, status, reasonPhrase);
    this.#move('head');
    this.#stampMs = context.nowMs;
    return true;
  }

  onData(piece: Buffer): boolean {
    const { context, response } = this.#client;
    this.#stampMs = context.nowMs;
    if (this.#verdict || response.writableEnded) return true;
    if (this.#answer?.write(piece)) this.#endStream();
    return true;
  }

  onComplete(trailers: string[] | null): void {
    // undici still parses the rest of the piece in which the reason for giving up came.
    if (this.#verdict) return this.onError(new Error(this.#why));
    this.#leave();
    const isOut = this.#client.response.writableEnded;
    if (!isOut && !this.#answer?.end(trailers)) this.#answer?.cut('the answer broke off');
  }

  onError(error: Error): void {
    const { isGone, response } = this.#client;
    const connected = this.#phase !== 'connecting';
    this.#leave();
    if (isGone || response.writableEnded) return;
    if (response.headersSent) {
      return this.#answer?.breakOff(this.#why || judgeFailure(error, true, true).why);
    }
    const judged = judgeFailure(error, connected, this.#answerBegan);
    const isOwn = this.#verdict !== null;
    const failure = this.#verdict ?? judged.failure;
    this.#client.failed(failure, isOwn ? this.#why : judged.why, error, isOwn);
  }

  onDrained(): void {
    this.#stampMs = this.#client.context.nowMs;
    if (this.#phase !== 'over') this.flow?.resume();
  }

  readonly #moved = () => {
    const { context, request } = this.#client;
    this.#stampMs = context.nowMs;
    if (request.complete) this.#move('sent');
  };

  #move(event: PhaseEvent): void {
    this.#phase = nextPhase(this.#phase, event);
  }

  #isLate(limitMs: number): void {
    if (this.#phase === 'waiting') this.giveUp('late', `no answer in ${limitMs} ms`);
    else if (this.#answer) this.giveUp('late', this.#answer.delay);
    else if (this.#body?.paused) this.giveUp('late', `took none of the body for ${limitMs} ms`);
    else this.giveUp('stalled', `the client sent nothing for ${limitMs} ms`);
  }

  #unqueue(): void {
    if (this.#phase !== 'connecting') return;
    this.upstream.queued -= 1;
    if (this.upstream.state === 'draining') this.#client.context.onChange();
  }

  #leave(): void {
    if (this.#phase === 'over') return;
    this.#unqueue();
    this.#move('left');
    this.upstream.inflight -= 1;
    this.upstream.pending.remove(this);
    this.flow?.finish();
    this.#body?.destroy();
  }

  #expectation() {
    const { context, response } = this.#client;
    const { expectWaitMs, maxHeaderBytes } = context.options;
    const goAhead = () => {
      if (!response.headersSent) response.writeContinue();
    };
    return { waitMs: expectWaitMs, maxHeaderBytes, goAhead };
  }

  // After this the request is never tried on another server: part of an answer has come.
  #interimAnswer(status: number, raw: Buffer[], reasonPhrase: string): boolean {
    const { context, request, response } = this.#client;
    this.#interim += 1;
    if (this.#interim > context.options.maxInterimAnswers) {
      this.giveUp('garbled', 'its 1xx answers have no end');
    } else if (status < CONTINUE || status === SWITCHING) {
      this.giveUp('garbled', `nobody asked for its status ${status}`);
    } else if (isForClient(status, request.httpVersion)) {
      const lines = interimLines(status, raw, this.upstream.id);
      passInterim(response, status, reasonPhrase, lines);
    }
    return true;
  }

  // For its client it is a whole answer; the client reconnects, to another server.
  #endStream(): void {
    this.#client.remark('ended: its server leaves');
    this.end('ended: its server leaves');
  }
}
