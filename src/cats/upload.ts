import type { Context } from 'koa';
import type { NewPicture } from '../model/picture.ts';
import type { Enqueued, Pictures } from '../store/store.ts';
import { quote } from '../text.ts';
import { inRequestTime, type RequestLimits } from './error-handler.ts';
import { pictureName, textOfForm } from './picture/name.ts';
import type { Room, UploadRoom } from './upload/budget.ts';
import { type FormFile, type FormLimits, maxFormBytes, readForm, tooMuch } from './upload/form.ts';
import { FIELD } from './upload/form-errors.ts';

export interface UploadLimits extends FormLimits, RequestLimits {
  readonly maxPicturePixels: number;
}

export interface UploadDeps {
  readonly images: Pictures;
  readonly room: UploadRoom;
  readonly limits: UploadLimits;
  /** Whether an upload waits until a replica of Redis has it too. */
  readonly durable: boolean;
  log(line: string): void;
}

/** `POST /upload`: every picture of the request is queued, or none. */
export function uploadRoute(deps: UploadDeps) {
  const { images, room: rooms, limits, durable } = deps;
  const answer = createAnswer(deps);
  return async (ctx: Context): Promise<void> => {
    refuseByHead(ctx, limits);
    const room = await rooms.take(lengthOf(ctx) ?? maxFormBytes(limits));
    const pictures = await orLeave(room, async () => {
      const files = await readForm(ctx, room, limits);
      await room.turn();
      return inspect(ctx, room, files, limits);
    });
    // Redis may read from the room for longer than the client waits.
    const queueing: Promise<Stored> = durable
      ? images.enqueueDurably(pictures)
      : images.enqueue(pictures);
    queueing.then(
      () => room.leave(),
      (error) => room.abandon(error),
    );
    const stored = await inRequestTime(queueing, limits).catch((error) => {
      room.late(error);
      throw error;
    });
    await answer(ctx, stored);
  };
}

type Stored = Enqueued & { readonly missed?: Promise<string | null> };

/** 202 where no replica is known to have them: they are queued, so it is no error, and none to repeat. */
function createAnswer({ log }: UploadDeps) {
  let told: string | null = null;
  return async (ctx: Context, { missed, ...stored }: Stored): Promise<void> => {
    ctx.status = 201;
    ctx.body = stored;
    if (missed === undefined) return;
    const why = await missed;
    if (why !== null && why !== told) log(`pictures are queued, but ${why}`);
    told = why;
    ctx.status = why === null ? 201 : 202;
    ctx.body = { ...stored, durable: why === null };
  };
}

/** What the head alone forbids, before a byte of the body is read. */
function refuseByHead(ctx: Context, limits: FormLimits): void {
  const type = ctx.get('content-type');
  if (!/^multipart\/form-data(\s*;|\s*$)/i.test(type)) {
    const came = type && `, not ${quote(type)}`;
    ctx.throw(415, `send multipart/form-data with the field ${FIELD}${came}`);
  }
  if (!/;\s*boundary=("[^"]+"|[^\s;"]+)/i.test(type)) ctx.throw(400, 'multipart without boundary');
  const coding = ctx.get('content-encoding');
  if (coding !== '' && coding !== 'identity') ctx.throw(415, 'send the body without coding');
  if ((lengthOf(ctx) ?? 0) > maxFormBytes(limits)) throw tooMuch(ctx, limits);
}

function lengthOf(ctx: Context): number | null {
  const length = ctx.get('content-length');
  return length === '' ? null : Number(length);
}

async function orLeave<T>(room: Room, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    room.leave();
    throw error;
  }
}

async function inspect(
  ctx: Context,
  room: Room,
  files: readonly FormFile[],
  { maxPicturePixels }: UploadLimits,
): Promise<NewPicture[]> {
  const { inspectPicture } = await import('./picture/type.ts');
  const pictures: NewPicture[] = [];
  for (const { name: given, from, to } of files) {
    const name = pictureName(textOfForm(given));
    if (from === to) ctx.throw(400, `${name} is empty`);
    const found = inspectPicture(await room.read(from, to), maxPicturePixels);
    if ('problem' in found) return ctx.throw(415, `${name} ${found.problem}`);
    pictures.push({ data: () => room.read(from, to), type: found.type, name });
  }
  return pictures;
}
