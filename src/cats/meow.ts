import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { Context } from 'koa';
import { StoreError } from '../errors.ts';
import { troubleInWords } from '../expected-errors.ts';
import type { ClaimedPicture, Picture } from '../model/picture.ts';
import type { Pictures } from '../store/store.ts';
import { inRequestTime, type RequestLimits } from './error-handler.ts';
import type { Deliveries } from './renew-deliveries.ts';

export interface MeowLimits extends RequestLimits {
  /** How long a picture is kept that was delivered through a door. */
  readonly retryWindowMs: number;
}

export interface MeowDeps {
  readonly images: Pictures;
  readonly deliveries: Deliveries;
  readonly limits: MeowLimits;
  log(line: string): void;
}

const TOKEN = /^[A-Za-z0-9_-]{8,64}$/;
const PUT_BACK_TRIES = 5;
const PUT_BACK_PAUSE_MS = 500;

/** `GET /meow`: the newest picture, removed once delivered. HEAD only looks. */
export function meowRoute(deps: MeowDeps) {
  return async (ctx: Context): Promise<void> => {
    if (ctx.method === 'HEAD')
      return show(ctx, await inRequestTime(deps.images.peek(), deps.limits));
    const attempt = attemptOf(ctx);
    const claiming = deps.images.claim(attempt ?? randomBytes(12).toString('base64url'));
    const picture = await orPutBack(claiming, deps);
    // Its `close` has come and will not come again, so nothing would ever settle this claim.
    if (picture && ctx.res.closed) return void putBack(picture, deps);
    show(ctx, picture);
    const keepMs = attempt === null ? 0 : deps.limits.retryWindowMs;
    if (picture) settleWhenSent(ctx.res, picture, deps, keepMs);
  };
}

// A claim that comes after its request was given up goes straight back.
async function orPutBack(claiming: Promise<ClaimedPicture | null>, deps: MeowDeps) {
  try {
    return await inRequestTime(claiming, deps.limits);
  } catch (error) {
    claiming.then((late) => late && putBack(late, deps)).catch((why) => tell(why, deps));
    throw error;
  }
}

// That Redis is away its client was told.
function tell(error: unknown, { log }: MeowDeps): void {
  if (!(error instanceof StoreError)) log(`a picture was not claimed: ${troubleInWords(error)}`);
}

// The door's own, the same for every attempt of one request: no other may take its picture.
function attemptOf(ctx: Context): string | null {
  const given = ctx.get('meow-attempt');
  return TOKEN.test(given) ? given : null;
}

function show(ctx: Context, picture: Picture | null): void {
  if (!picture) ctx.throw(404, 'no picture is queued: POST one to /upload');
  ctx.type = picture.type;
  ctx.set('Content-Disposition', disposition(picture.name));
  ctx.set('X-Content-Type-Options', 'nosniff');
  ctx.set('Content-Security-Policy', "default-src 'none'; sandbox");
  ctx.set('Cache-Control', 'no-store');
  if (ctx.method === 'HEAD') ctx.length = picture.size;
  ctx.body = ctx.method === 'HEAD' ? '' : picture.data;
  ctx.length = picture.size;
}

// RFC 6266 §4.3, RFC 8187 §3.2: the name in UTF-8, percent-encoded.
function disposition(name: string): string {
  const encoded = encodeURIComponent(wellFormed(name)).replace(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `inline; filename*=UTF-8''${encoded}`;
}

/** `finish` alone also comes after an abort: delivered is what left on a socket that still lives. */
function settleWhenSent(
  res: ServerResponse,
  picture: ClaimedPicture,
  deps: MeowDeps,
  keepMs: number,
): void {
  const { socket } = res;
  let settled = false;
  deps.deliveries.begin(picture);
  const settle = (delivered: boolean) => {
    if (settled) return;
    settled = true;
    deps.deliveries.end(picture);
    void (delivered ? acknowledge(picture, deps, keepMs) : putBack(picture, deps));
  };
  res.once('finish', () => settle(socket !== null && !socket.destroyed && !socket.errored));
  res.once('close', () => settle(false));
}

// A door that gave this server up at this very moment asks another one, with the same token.
function acknowledge({ id, claim }: ClaimedPicture, { images, log }: MeowDeps, keepMs: number) {
  return again(() => images.acknowledge(id, claim, keepMs), log);
}

function putBack({ id, claim }: ClaimedPicture, { images, log }: MeowDeps) {
  return again(() => images.putBack(id, claim), log);
}

// Both check the claim, so a second try does no harm; what never works out expires in 30 s.
async function again(work: () => Promise<unknown>, log: MeowDeps['log']): Promise<void> {
  for (let left = PUT_BACK_TRIES; left > 0; left--) {
    try {
      await work();
      return;
    } catch (error) {
      const lasts = left === 1 || !(error instanceof StoreError);
      if (lasts) return log(`a picture is left to its deadline: ${troubleInWords(error)}`);
      await new Promise((resolve) => setTimeout(resolve, PUT_BACK_PAUSE_MS));
    }
  }
}

// A lone surrogate cannot be encoded.
function wellFormed(name: string): string {
  return Buffer.from(name, 'utf8').toString('utf8');
}
