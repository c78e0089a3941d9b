import type { Socket } from 'node:net';
import { closeForClient, closeForServer, FrameTracker } from './frames.ts';

/**
 * Closes both sides of a WebSocket with code 1001 (RFC 6455 §7.4.1) between two frames of each. After
 * half of the time only the client's side is waited for.
 */
export class GoingAway {
  readonly toClient = new FrameTracker();
  readonly toServer = new FrameTracker();
  readonly #client: Socket;
  readonly #withinMs: number;
  #server: Socket | null = null;
  #sinceMs: number | null = null;
  #onEnd = () => {};

  /** @param withinMs after which both are cut */
  constructor(client: Socket, withinMs: number) {
    this.#client = client;
    this.#withinMs = withinMs;
  }

  get started(): boolean {
    return this.#sinceMs !== null;
  }

  /** @param onEnd told when the close frames are out */
  start(server: Socket | null, onEnd: () => void): void {
    this.#server = server;
    this.#onEnd = onEnd;
    this.#sinceMs = performance.now();
    setTimeout(() => this.#endBetweenFrames(), this.#withinMs / 2).unref();
    this.#endBetweenFrames();
  }

  /** A piece went by. */
  passed(frames: FrameTracker, piece: Buffer): void {
    frames.take(piece);
    if (this.started) this.#endBetweenFrames();
  }

  #endBetweenFrames(): void {
    const [client, server] = [this.#client, this.#server];
    if (!server || !client.writable || !this.#mayEnd()) return;
    this.#onEnd();
    server.unpipe(client);
    client.unpipe(server);
    client.end(closeForClient);
    client.resume();
    if (this.toServer.reached && server.writable) server.write(closeForServer);
    server.end();
    server.resume();
  }

  #mayEnd(): boolean {
    if (!this.toClient.reached) return false;
    const waitedMs = performance.now() - (this.#sinceMs ?? 0);
    return this.toServer.reached || waitedMs >= this.#withinMs / 2 - 1;
  }
}
