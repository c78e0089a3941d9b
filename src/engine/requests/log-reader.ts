import { connect, type Socket } from 'node:net';
import { until } from '../../time/until.ts';
import { RING } from '../config/log-lines.ts';
import type { LeavingWorker } from '../runtime/leaving-worker.ts';

export interface LogReaderOptions {
  /** How long until it is looked again whether HAProxy is there. */
  readonly engineWatchMs: number;
  /** How long what HAProxy has said before its end may take to get here. */
  readonly engineCommandMs: number;
}

/** Twice what HAProxy makes of a line. */
const MAX_LINE = 4_096;

/**
 * Reads what HAProxy says of requests, for as long as it is wanted: all that it has kept, then whatever
 * comes. After a connection that ended it begins again at the oldest line.
 */
export class LogReader {
  readonly #path: string;
  readonly #take: (line: string) => void;
  readonly #options: LogReaderOptions;
  readonly #sockets = new Set<Socket>();
  #current: Socket | null = null;
  #timer: NodeJS.Timeout | undefined;
  #isWanted = false;

  /** @param path of HAProxy's runtime socket */
  constructor(path: string, take: (line: string) => void, options: LogReaderOptions) {
    this.#path = path;
    this.#take = take;
    this.#options = options;
  }

  start(): void {
    this.#isWanted = true;
    if (this.#current === null) this.#open();
  }

  /** Another worker serves from now on. The connection to the one before would keep that alive. */
  renew(before: LeavingWorker): void {
    const old = this.#current;
    this.#current = null;
    if (this.#isWanted) this.#open();
    void this.#leave(old, before);
  }

  /** HAProxy has ended: takes what it has said before that. */
  async finish(): Promise<void> {
    this.#isWanted = false;
    const { engineWatchMs, engineCommandMs } = this.#options;
    const polling = { everyMs: Math.min(engineWatchMs, 20), withinMs: engineCommandMs };
    await until(() => this.#sockets.size === 0, polling);
    this.close();
  }

  close(): void {
    this.#isWanted = false;
    clearTimeout(this.#timer);
    for (const socket of this.#sockets) socket.destroy();
  }

  #open(): void {
    clearTimeout(this.#timer);
    const socket = connect(this.#path, () => socket.write(`show events ${RING} -w\n`));
    this.#current = socket;
    this.#sockets.add(socket);
    socket.setEncoding('latin1').on('data', inLines(this.#take));
    socket.on('error', () => {}); // `close` follows
    socket.once('close', () => this.#closed(socket));
  }

  #closed(socket: Socket): void {
    this.#sockets.delete(socket);
    if (this.#current !== socket) return;
    this.#current = null;
    if (this.#isWanted) this.#openSoon();
  }

  #openSoon(): void {
    this.#timer = setTimeout(() => this.start(), this.#options.engineWatchMs);
    this.#timer.unref();
  }

  async #leave(old: Socket | null, before: LeavingWorker): Promise<void> {
    const isOver = async () => old === null || old.destroyed || (await before.isIdle());
    await until(isOver, { everyMs: this.#options.engineWatchMs });
    before.close();
    old?.destroy();
  }
}

/** Hands on whole lines; one that is longer than any can be is left out. */
function inLines(take: (line: string) => void): (piece: string) => void {
  let text = '';
  let isTooLong = false;
  return (piece) => {
    const lines = (text + piece).split('\n');
    text = lines.pop() ?? '';
    for (const line of lines) {
      if (!isTooLong) take(line);
      isTooLong = false;
    }
    if (text.length <= MAX_LINE) return;
    isTooLong = true;
    text = '';
  };
}
