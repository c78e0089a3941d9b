import type { ClientRequest, IncomingMessage, InformationEvent } from 'node:http';
import type { Socket } from 'node:net';
import { interimHead, isForClient } from '../../http/interim.ts';
import { own, rawAnswer } from '../client/own-response.ts';
import { type DoorContext, endsStreams } from '../exchange/context.ts';
import { interimLines } from '../exchange/response-head.ts';
import type { Affinity } from '../sticky/cookie.ts';
import { judgeFailure, remark } from '../upstream/failure.ts';
import type { PendingRequest, Upstream } from '../upstream/upstream.ts';
import { dropHopByHop, guard } from './accept.ts';
import { pongForClient, pongForServer } from './frames.ts';
import { GoingAway } from './going-away.ts';
import { PeerCheck } from './peer-check.ts';

/** What a session is about. */
export interface Handshake {
  readonly client: Socket;
  /** Byte for byte as the client asked. */
  readonly path: string;
  /** Its Sec-WebSocket-Key. */
  readonly key: string;
  readonly upstream: Upstream;
  readonly tried: readonly Upstream[];
  readonly affinity: Affinity | null;
}

const SWITCHING = 101;
const SERVER_ERROR = 500;

/** One WebSocket through the door, from its handshake until both sockets are closed. */
export class WebSocketSession implements PendingRequest {
  readonly #context: DoorContext;
  readonly #handshake: Handshake;
  readonly #client: Socket;
  readonly #startMs = performance.now();
  readonly #goingAway: GoingAway;
  slot = 0;
  #peerChecks: readonly PeerCheck[] = [];
  #outgoing: ClientRequest | null = null;
  #server: Socket | null = null;
  #interim = 0;
  #answered = false;
  #late = false;
  #timer: NodeJS.Timeout;

  constructor(context: DoorContext, handshake: Handshake) {
    this.#context = context;
    this.#handshake = handshake;
    this.#client = handshake.client;
    this.#goingAway = new GoingAway(handshake.client, context.options.upgradeCloseMs);
    this.#timer = setTimeout(() => this.#tooLate(), context.options.handshakeMs);
    handshake.upstream.pending.add(this);
    this.#client.once('close', () => this.#clientClosed());
    this.#client.once('end', () => this.#sideEnded());
    // Nobody else reads before the answer is there, and so sees that the client has gone.
    this.#client.read(0);
  }

  check(): void {
    const { upstream } = this.#handshake;
    for (const check of this.#peerChecks) check.look();
    if (this.#server && endsStreams(this.#context, upstream)) this.goAway();
  }

  abandon(): void {
    if (!this.#answered) this.#outgoing?.destroy(new Error('the server is gone'));
  }

  /** Called before the handshake goes out, and before http-proxy listens for its answer. */
  follow(outgoing: ClientRequest): void {
    this.#outgoing = outgoing;
    outgoing.path = this.#handshake.path;
    // http-proxy knows no such option; Node reads it when the connection is there.
    Object.assign(outgoing, { maxHeaderSize: this.#context.options.maxHeaderBytes });
    outgoing.maxHeadersCount = 0;
    outgoing.on('information', (answer) => this.#interimAnswer(answer));
  }

  /** Called when http-proxy listens for the answer: by itself it passes on any 101. */
  guard(): void {
    const opened = (answer: IncomingMessage) => this.#opened(answer);
    const refused = (answer: IncomingMessage) => this.#refusedByServer(answer);
    const wrong = (answer: IncomingMessage) => this.#wrongProtocol(answer);
    if (this.#outgoing) guard(this.#outgoing, this.#handshake.key, { opened, refused, wrong });
  }

  /** Called when http-proxy has joined the sockets. A listener before that would take data from it. */
  joined(server: Socket): void {
    const client = this.#client;
    const { toClient, toServer } = this.#goingAway;
    this.#peerChecks = [
      new PeerCheck(client, server, toClient, pongForClient),
      new PeerCheck(server, client, toServer, pongForServer),
    ];
    server.once('end', () => this.#sideEnded());
    server.on('data', (piece: Buffer) => this.#goingAway.passed(toClient, piece));
    client.on('data', (piece: Buffer) => this.#goingAway.passed(toServer, piece));
    for (const socket of [server, client]) {
      socket.setTimeout(this.#context.options.streamIdleMs, () => this.#cut());
    }
  }

  /** No answer, or none that made sense. http-proxy closes the client's socket after this. */
  failed(error: Error): void {
    if (this.#answered) return;
    const answer = this.#late ? own.tooLate : own.badGateway;
    if (this.#client.writable) this.#client.write(rawAnswer(answer));
    const { why } = judgeFailure(error, true, true);
    this.#context.figures?.answeredItself(answer);
    this.#tell(answer.status, null, `the handshake failed: ${why}`);
  }

  /** Close code 1001 to both sides, as soon as no message is under way. */
  goAway(): void {
    if (this.#goingAway.started) return;
    this.#cutAfter(this.#context.options.upgradeCloseMs);
    this.#goingAway.start(this.#server, () => {
      this.#peerChecks = [];
    });
  }

  #interimAnswer({ statusCode, statusMessage, rawHeaders }: InformationEvent): void {
    this.#interim += 1;
    if (this.#interim > this.#context.options.maxInterimAnswers) {
      this.#outgoing?.destroy(new Error('its 1xx answers have no end'));
      return;
    }
    if (!isForClient(statusCode, '1.1') || !this.#client.writable) return;
    const { id } = this.#handshake.upstream;
    const lines = interimLines(statusCode, rawHeaders, id);
    this.#client.write(interimHead(statusCode, statusMessage, lines), 'latin1');
  }

  #wrongProtocol(answer: IncomingMessage): void {
    answer.socket.on('error', () => {}).destroy();
    this.failed(new Error('its 101 is not the answer to this handshake'));
    this.#client.destroySoon();
  }

  #opened(answer: IncomingMessage): void {
    const server = answer.socket;
    clearTimeout(this.#timer);
    this.#server = server;
    this.#handshake.upstream.tally.webSockets += 1;
    this.#mark(answer);
    this.#tell(SWITCHING, this.#handshake.upstream.id, null);
    server.once('close', () => this.#sideEnded());
    if (this.#client.readableEnded) this.#sideEnded();
  }

  #refusedByServer(answer: IncomingMessage): void {
    clearTimeout(this.#timer);
    this.#mark(answer);
    const { id } = this.#handshake.upstream;
    const status = answer.statusCode ?? 0;
    this.#tell(status, id, remark(status, id));
    answer.once('close', () => {
      if (!answer.complete) this.#client.destroy();
    });
  }

  // http-proxy writes the answer's head from these.
  #mark(answer: IncomingMessage): void {
    dropHopByHop(answer);
    const { upstream, affinity } = this.#handshake;
    answer.headers['x-served-by'] = upstream.id;
    if (affinity) this.#context.sticky?.markHeaders(answer.headers, upstream.id, affinity);
  }

  #tooLate(): void {
    this.#late = true;
    this.#outgoing?.destroy(new Error('no answer to the handshake'));
  }

  #cutAfter(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#cut(), ms);
  }

  // What ends on one side ends on the other, whether that reads on or not.
  #sideEnded(): void {
    this.#peerChecks = [];
    if (!this.#goingAway.started) this.#cutAfter(this.#context.options.upgradeCloseMs / 2);
  }

  #cut(): void {
    this.#outgoing?.destroy();
    // What a server does not read would keep its connection, even after an end of ours.
    if (this.#server?.writableNeedDrain) this.#server.resetAndDestroy();
    else this.#server?.destroy();
    this.#client.destroy();
  }

  #clientClosed(): void {
    const { upstream } = this.#handshake;
    upstream.inflight -= 1;
    upstream.pending.remove(this);
    if (!this.#answered) this.#outgoing?.destroy();
    if (this.#server) upstream.tally.webSockets -= 1;
    if (!this.#server || this.#server.destroyed) clearTimeout(this.#timer);
    else if (this.#peerChecks.some(({ isStuck }) => isStuck)) this.#cut();
    else this.#sideEnded();
  }

  #tell(status: number, server: string | null, trouble: string | null): void {
    this.#answered = true;
    const { path, tried, upstream } = this.#handshake;
    const durationMs = performance.now() - this.#startMs;
    this.#context.figures?.answered(upstream.tally, status, null);
    const how = { at: Date.now() - durationMs, method: 'GET', path, server, status, durationMs };
    const answered = { ...how, tried: tried.map(({ id }) => id), trouble };
    this.#context.onAnswer?.(answered);
    if (status < SERVER_ERROR) return;
    const id = String(this.#outgoing?.getHeader('x-request-id') ?? '');
    const failures = server === null ? [{ server: upstream.id, why: trouble ?? '' }] : [];
    this.#context.notes.add({ ...answered, id, failures });
  }
}
