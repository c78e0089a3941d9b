import type { Context } from 'koa';
import type { Messages } from '../store/store.ts';
import { inRequestTime, type RequestLimits } from './error-handler.ts';

export interface MessageLimits extends RequestLimits {
  /** What is set where nothing is given. */
  readonly message: string;
  readonly messageKey: string;
  readonly messageTtlSeconds: number;
  readonly maxTtlSeconds: number;
  readonly maxMessageBytes: number;
}

const KEY = /^[A-Za-z0-9._-]{1,64}$/;

/** `GET /set` and `GET /get`. */
export function messageRoutes(messages: Messages, limits: MessageLimits) {
  return {
    async set(ctx: Context): Promise<void> {
      const message = single(ctx, 'message') ?? limits.message;
      const key = keyOf(ctx, limits);
      const ttl = ttlOf(ctx, limits);
      if (Buffer.byteLength(message) > limits.maxMessageBytes) {
        ctx.throw(400, `message: at most ${limits.maxMessageBytes} bytes`);
      }
      await inRequestTime(messages.set(key, message, ttl), limits);
      ctx.type = 'text/plain';
      ctx.body = message;
    },
    async get(ctx: Context): Promise<void> {
      const key = keyOf(ctx, limits);
      const found = await inRequestTime(messages.get(key), limits);
      if (!found) ctx.throw(404, 'no message: it was never set, or it has expired');
      ctx.type = 'text/plain';
      ctx.body = found.message;
    },
  };
}

function keyOf(ctx: Context, { messageKey }: MessageLimits): string {
  const key = single(ctx, 'key') ?? messageKey;
  if (!KEY.test(key)) ctx.throw(400, 'key: use 1 to 64 of the characters A-Z a-z 0-9 . _ -');
  return key;
}

function ttlOf(ctx: Context, { messageTtlSeconds, maxTtlSeconds }: MessageLimits): number {
  const text = single(ctx, 'ttl') ?? String(messageTtlSeconds);
  const ttl = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (ttl >= 1 && ttl <= maxTtlSeconds) return ttl;
  return ctx.throw(400, `ttl: use a whole number of seconds from 1 to ${maxTtlSeconds}`);
}

function single(ctx: Context, name: string): string | null {
  const value = ctx.query[name];
  if (Array.isArray(value)) ctx.throw(400, `${name}: give it once`);
  return value ?? null;
}
