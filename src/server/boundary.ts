import type { Context, Next } from 'koa';
import { StoreError } from '../errors.ts';
import { plain, reason } from '../text.ts';

const LINGER_MS = 500;

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** The one place where an error becomes an answer: the client sees what is meant for it, the log all. */
export function answerErrors(log: (line: string) => void) {
  return async (ctx: Context, next: Next): Promise<void> => {
    try {
      await next();
    } catch (error) {
      const { status, text } = toAnswer(error);
      if (status === 500) log(`${ctx.method} ${plain(ctx.url)}: ${reason(error)}`);
      ctx.status = status;
      ctx.type = 'text/plain';
      ctx.body = `${text}\n`;
      if (error instanceof StoreError) ctx.set('Retry-After', '1');
      if (!ctx.req.complete) endEarly(ctx, `${text}\n`);
    }
  };
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
 * Answers while the body is still coming. The connection is closed a little later: closed at once,
 * the reset would often overtake the answer.
 */
function endEarly(ctx: Context, text: string): void {
  const { req, res } = ctx;
  ctx.respond = false;
  res.writeHead(ctx.status, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
    Connection: 'close',
    ...(ctx.response.get('Retry-After') ? { 'Retry-After': '1' } : {}),
  });
  res.write(text);
  req.resume();
  const end = () => {
    clearTimeout(limit);
    res.end();
  };
  const limit = setTimeout(end, LINGER_MS);
  req.once('end', end);
  req.once('close', end);
}
