import type { IncomingMessage } from 'node:http';
import type { Readable, Writable } from 'node:stream';
import type { Context } from 'koa';
import { defaults } from '../../defaults.ts';
import type { Room } from './budget.ts';
import { FIELD, formError, httpError, type Misfits, whyNotTaken } from './form-errors.ts';

const MIB = 1_024 * 1_024;
/** A request's pictures, with boundaries and part headers around them. */
export const MAX_FORM_BYTES = defaults.maxUploadBytes + 64 * 1_024;

const limits = {
  fileSize: defaults.maxPictureBytes,
  files: defaults.maxPicturesPerUpload,
  fields: 10,
  fieldSize: 1_024,
  fieldNameSize: 100,
  fieldNestingDepth: 1,
  parts: defaults.maxPicturesPerUpload + 10,
  headerPairs: 20,
};

/** Where in its room a file of a form is. */
export interface FormFile {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

/**
 * Reads a whole form into its room; rejects at the first limit, while multer would read to the end.
 * @param idleMs how long its client may be silent
 */
export async function readForm(ctx: Context, room: Room, idleMs: number): Promise<FormFile[]> {
  const { default: multer } = await import('@koa/multer');
  // Its `close` has come and will not come again.
  if (ctx.req.destroyed) throw gone();
  if (ctx.get('expect') !== '') ctx.res.writeContinue();
  const files: FormFile[] = [];
  const misfits: Misfits = { texts: new Set(), nameless: null };
  const refusal = createRefusal();
  const options = {
    limits,
    storage: storeIn(room, files, () => refusal.refuse(tooLarge(ctx))),
    streamHandler: (req: IncomingMessage, form: Writable) => {
      note(form, misfits);
      cutWhenSilent(req, idleMs, () => refusal.refuse(silent(ctx, idleMs)));
      feed(req, form, () => refusal.refuse(tooMuch(ctx)));
    },
  };
  const reading = multer(options as never).array(FIELD)(ctx as never, async () => {});
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

export function tooMuch(ctx: Context): unknown {
  return httpError(ctx, 413, `a request may have ${defaults.maxUploadBytes / MIB} MiB`);
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
    _handleFile(_: unknown, file: MulterFile, done: (error?: unknown, info?: object) => void) {
      file.stream.once('limit', onLimit);
      before = before.then(() => keep(file));
      before.then(() => done(null, {}), done);
    },
    _removeFile(_: unknown, __: unknown, done: (error: null) => void) {
      done(null);
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

function feed(req: IncomingMessage, form: Writable, tooLong: () => void): void {
  let size = 0;
  req.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > MAX_FORM_BYTES) tooLong();
  });
  req.pipe(form);
}

function tooLarge(ctx: Context): unknown {
  return httpError(ctx, 413, `a picture may have ${defaults.maxPictureBytes / MIB} MiB`);
}

function silent(ctx: Context, idleMs: number): unknown {
  return httpError(ctx, 408, `nothing came for ${idleMs / 1_000} s`);
}

function gone(): Error {
  return Object.assign(new Error('the client has gone'), { code: 'ECONNRESET' });
}
