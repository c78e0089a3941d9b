import type { Socket } from 'node:net';
import type { Context } from 'koa';
import { StoreError } from '../errors.ts';
import { troubleInWords } from '../expected-errors.ts';
import { endUnread } from '../http/early-close.ts';
import { plain } from '../text.ts';
import { withinAwake } from '../time/awake-timer.ts';

const LINGER_MS = 500;
/**
 * How many bodies are read on at the same time after an early answer. That helps a client that sends
 * everything before it reads; to do so for 1,000 refused uploads kept the CPU busy for seconds.
 */
const MAX_DRAINED = 16;

export interface RequestLimits {
  /** All the Redis work of one HTTP request. */
  readonly redisRequestMs: number;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

/**
 * The one place where an error becomes an answer: the client sees what is meant for it, the log all.
 * It is Koa's own last step; a middleware round all others took 4 % of the CPU of a `GET /`.
 */
export function answerErrors(log: (line: string) => void) {
  const drained = new Set<Socket>();
  return function onerror(this: Context, error: unknown): void {
    if (error === null || error === undefined || isGone(error)) return;
    const { status, text } = toAnswer(error);
    const unseen = this.headerSent || !this.writable;
    if (status === 500 || (unseen && status > 500)) {
      log(`${this.method} ${plain(this.url)}: ${troubleInWords(error)}`);
    }
    if (unseen) return;
    describe(this, { status, text }, error instanceof StoreError || status === 503);
    if (this.req.complete) this.res.end(`${text}\n`);
    else endEarly(this, `${text}\n`, drained);
  };
}

/** The head of the answer, without what a handler had already put there. */
function describe(context: Context, { status, text }: Answer, passesSoon: boolean): void {
  for (const name of context.res.getHeaderNames()) context.res.removeHeader(name);
  context.status = status;
  context.type = 'text/plain';
  if (passesSoon) context.set('Retry-After', '1');
  context.length = Buffer.byteLength(text) + 1;
}

// The client hung up in the middle of an answer, or of its own body, which the parser then finds
// cut short: its right, and nobody is left to tell.
function isGone(error: unknown): boolean {
  const { code = '' } = error as NodeJS.ErrnoException;
  return code === 'ECONNRESET' || code === 'EPIPE' || code.startsWith('HPE_');
}

function toAnswer(error: unknown): Answer {
  if (error instanceof StoreError) {
    return { status: error.kind === 'full' ? 507 : 503, text: plain(error.message) };
  }
  const { status, expose, message } = error as {
    status?: number;
    expose?: boolean;
    message?: string;
  };
  if (status !== undefined && expose) return { status, text: plain(message ?? '') };
  return { status: 500, text: 'something went wrong here; it is in the log' };
}

/**
 * Answers while the body is still coming. The connection is closed in steps (http/early-close.ts),
 * which reads what still comes; where that is done for enough others, it is not read.
 */
function endEarly({ req, res }: Context, text: string, drained: Set<Socket>): void {
  const { socket } = req;
  res.setHeader('Connection', 'close');
  if (drained.size >= MAX_DRAINED) return endUnread(req, res, text, LINGER_MS);
  drained.add(socket);
  socket.once('close', () => drained.delete(socket));
  res.end(text);
}

/**
 * Waits for all the Redis work of one request, as long as it may take: `redisRequestMs`.
 * @throws StoreError `unavailable` when the time is up first; the work goes on unheard
 */
export function inRequestTime<T>(work: Promise<T>, { redisRequestMs }: RequestLimits): Promise<T> {
  return withinAwake(work, redisRequestMs, tooLate);
}

function tooLate(): StoreError {
  return new StoreError('unavailable', 'Redis does not answer in time', 'Try again in a moment');
}
