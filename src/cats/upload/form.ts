import type { IncomingMessage } from 'node:http';
import type { Readable, Writable } from 'node:stream';
import type { Context } from 'koa';
import type { Room } from './budget.ts';
import { FIELD, formError, httpError, type Misfits, whyNotTaken } from './form-errors.ts';

const MIB = 1_024 * 1_024;
/** Boundaries and part headers around a request's pictures. */
const AROUND_BYTES = 64 * 1_024;

export interface FormLimits {
  /** How long a client may be silent in mid-upload. */
  readonly bodyIdleMs: number;
  readonly maxPictureBytes: number;
  readonly maxPicturesPerUpload: number;
  readonly maxUploadBytes: number;
}

/** Limits of the fields that a form may have besides pictures. */
const ofFields = { fields: 10, fieldSize: 1_024, fieldNameSize: 100, fieldNestingDepth: 1 };
const HEADER_PAIRS = 20;

export function maxFormBytes({ maxUploadBytes }: FormLimits): number {
  return maxUploadBytes + AROUND_BYTES;
}

/** Where in its room a file of a form is. */
export interface FormFile {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

/** Reads a whole form into its room; rejects at the first limit, while multer would read to the end. */
export async function readForm(ctx: Context, room: Room, limits: FormLimits): Promise<FormFile[]> {
  const { default: multer } = await import('@koa/multer');
  // Its `close` has come and will not come again.
  if (ctx.req.destroyed) throw gone();
  if (ctx.get('expect') !== '') ctx.res.writeContinue();
  const files: FormFile[] = [];
  const misfits: Misfits = { texts: new Set(), nameless: null };
  const refusal = createRefusal();
  const options = {
    limits: forMulter(limits),
    storage: storeIn(room, files, () => refusal.refuse(tooLarge(ctx, limits))),
    streamHandler: (req: IncomingMessage, form: Writable) => {
      note(form, misfits);
      const { bodyIdleMs } = limits;
      cutWhenSilent(req, bodyIdleMs, () => refusal.refuse(silent(ctx, bodyIdleMs)));
      feed(req, form, maxFormBytes(limits), () => refusal.refuse(tooMuch(ctx, limits)));
    },
  };
  const reading = multer(options).array(FIELD)(ctx, async () => {});
  try {
    await Promise.race([reading, refusal.refused]);
  } catch (error) {
    ctx.req.unpipe(); // what still comes is no more than thrown away
    throw formError(ctx, error);
  }
  const why = whyNotTaken(misfits, files.length);
  if (why !== null) ctx.throw(400, why);
  return files;
}

export function tooMuch(ctx: Context, { maxUploadBytes }: FormLimits): unknown {
  return httpError(ctx, 413, `a request may have ${maxUploadBytes / MIB} MiB`);
}

function forMulter({ maxPictureBytes, maxPicturesPerUpload: files }: FormLimits) {
  const parts = files + ofFields.fields;
  return { ...ofFields, fileSize: maxPictureBytes, files, parts, headerPairs: HEADER_PAIRS };
}

function createRefusal() {
  let refuse: (error: unknown) => void = () => {};
  const refused = new Promise<never>((_, reject) => {
    refuse = reject;
  });
  return { refused, refuse };
}

interface MulterFile {
  readonly originalname: string;
  readonly stream: Readable;
}

/** multer's storage. One file after the other; `onLimit` is told the moment one is too large. */
function storeIn(room: Room, files: FormFile[], onLimit: () => void) {
  const keep = async ({ stream, originalname: name }: MulterFile) => {
    const from = room.size;
    for await (const piece of stream) {
      const added = room.add(piece as Buffer);
      if (added) await added;
    }
    files.push({ name, from, to: room.size });
  };
  let before: Promise<void> = Promise.resolve();
  return {
    // Its types know of no stream.
    _handleFile(_: unknown, given: object, done: (error?: unknown) => void) {
      const file = given as MulterFile;
      file.stream.once('limit', onLimit);
      before = before.then(() => keep(file));
      before.then(() => done(null), done);
    },
    _removeFile(_: unknown, __: unknown, done: (...none: never[]) => void) {
      done();
    },
  };
}

// multer tells neither. What a browser sends for a file that was not chosen has no bytes.
function note(form: Writable, misfits: Misfits): void {
  form.on('field', (field = '') => misfits.texts.add(field));
  form.on('file', (field = '', stream: Readable, { filename }: { filename?: string }) => {
    if (filename) return;
    stream.once('data', () => {
      misfits.nameless ??= field;
    });
  });
}

// A client that is silent holds room that others want.
function cutWhenSilent(req: IncomingMessage, idleMs: number, cut: () => void): void {
  const timer = setTimeout(cut, idleMs);
  const stop = () => clearTimeout(timer);
  req.on('data', () => timer.refresh());
  req.once('end', stop).once('close', stop);
}

function feed(req: IncomingMessage, form: Writable, maxBytes: number, tooLong: () => void): void {
  let size = 0;
  req.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > maxBytes) tooLong();
  });
  req.pipe(form);
}

function tooLarge(ctx: Context, { maxPictureBytes }: FormLimits): unknown {
  return httpError(ctx, 413, `a picture may have ${maxPictureBytes / MIB} MiB`);
}

function silent(ctx: Context, idleMs: number): unknown {
  return httpError(ctx, 408, `nothing came for ${idleMs / 1_000} s`);
}

function gone(): Error {
  return Object.assign(new Error('the client has gone'), { code: 'ECONNRESET' });
}
