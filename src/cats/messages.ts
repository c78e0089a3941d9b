import type { Context } from 'koa';
import { defaults } from '../defaults.ts';
import type { Messages } from '../store/store.ts';
import { inRequestTime } from './error-handler.ts';

const KEY = /^[A-Za-z0-9._-]{1,64}$/;

/** `GET /set` and `GET /get`. */
export function messageRoutes(messages: Messages) {
  return {
    async set(ctx: Context): Promise<void> {
      const message = single(ctx, 'message') ?? defaults.message;
      const key = keyOf(ctx);
      const ttl = ttlOf(ctx);
      if (Buffer.byteLength(message) > defaults.maxMessageBytes) {
        ctx.throw(400, `message: at most ${defaults.maxMessageBytes} bytes`);
      }
      await inRequestTime(messages.set(key, message, ttl));
      ctx.type = 'text/plain';
      ctx.body = message;
    },
    async get(ctx: Context): Promise<void> {
      const key = keyOf(ctx);
      const found = await inRequestTime(messages.get(key));
      if (!found) ctx.throw(404, 'no message: it was never set, or it has expired');
      ctx.type = 'text/plain';
      ctx.body = found.message;
    },
  };
}

function keyOf(ctx: Context): string {
  const key = single(ctx, 'key') ?? defaults.messageKey;
  if (!KEY.test(key)) ctx.throw(400, 'key: use 1 to 64 of the characters A-Z a-z 0-9 . _ -');
  return key;
}

function ttlOf(ctx: Context): number {
  const text = single(ctx, 'ttl') ?? String(defaults.messageTtlSeconds);
  const ttl = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (ttl >= 1 && ttl <= defaults.maxTtlSeconds) return ttl;
  return ctx.throw(400, `ttl: use a whole number of seconds from 1 to ${defaults.maxTtlSeconds}`);
}

function single(ctx: Context, name: string): string | null {
  const value = ctx.query[name];
  if (Array.isArray(value)) ctx.throw(400, `${name}: give it once`);
  return value ?? null;
}
