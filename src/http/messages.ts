import type { Socket } from 'node:net';

/*
 * What is used of a client's request and of its answer, however they travel: node's own messages of
 * HTTP/1 have it, and a stream of HTTP/2 is given it.
 */

export interface RequestMessage {
  method?: string | undefined;
  url?: string | undefined;
  /** `2` of a stream. */
  readonly httpVersion: string;
  /** name, value, name, value… */
  readonly rawHeaders: readonly string[];
  readonly headers: { readonly accept?: string | undefined };
  /** All of it has come in. */
  readonly complete: boolean;
  readonly destroyed: boolean;
  readonly socket: Socket;
  pause(): unknown;
  resume(): unknown;
  isPaused(): boolean;
  unpipe(): unknown;
  on(event: 'data', listener: (piece: Buffer) => void): unknown;
  once(event: 'end' | 'close', listener: () => void): unknown;
  off(event: 'data' | 'end', listener: (piece: Buffer) => void): unknown;
}

export interface ResponseMessage {
  readonly statusCode: number;
  readonly headersSent: boolean;
  readonly writableLength: number;
  /** Nothing more will be written. */
  readonly writableEnded: boolean;
  /** And all of it is on its way. */
  readonly writableFinished: boolean;
  readonly destroyed: boolean;
  /** @param lines name, value, name, value… */
  writeHead(status: number, lines: string[]): unknown;
  writeHead(status: number, reasonPhrase: string, lines: string[]): unknown;
  writeContinue(): void;
  /** An interim answer (1xx). node:http has none that takes any status and any line. */
  writeInterim?(status: number, lines: readonly string[]): void;
  write(piece: Buffer | string): boolean;
  end(piece?: Buffer): unknown;
  addTrailers(lines: [string, string][]): void;
  /** The client sees that it is not whole. */
  destroy(): unknown;
  once(event: 'close' | 'drain', listener: () => void): unknown;
  emit(event: 'drain'): unknown;
}
