import type { Context } from 'koa';
import { parseMessage, parseMessageKey } from '../model/message.ts';
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

/** `GET /set` and `GET /get`. */
export function messageRoutes(messages: Messages, limits: MessageLimits) {
  return {
    async set(ctx: Context): Promise<void> {
      const message = messageOf(ctx, limits);
      const key = keyOf(ctx, limits);
      const ttl = ttlOf(ctx, limits);
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

function messageOf(ctx: Context, { message, maxMessageBytes }: MessageLimits): string {
  const given = parseMessage(single(ctx, 'message') ?? message, maxMessageBytes);
  return 'ok' in given ? given.ok : ctx.throw(400, `message: use ${given.problem}`);
}

function keyOf(ctx: Context, { messageKey }: MessageLimits): string {
  const key = parseMessageKey(single(ctx, 'key') ?? messageKey);
  return 'ok' in key ? key.ok : ctx.throw(400, `key: use ${key.problem}`);
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
