import type { IncomingMessage } from 'node:http';
import type { Readable, Writable } from 'node:stream';
import type { Context } from 'koa';
import { defaults } from '../config.ts';
import type { NewPicture } from '../store/pictures.ts';
import type { Images } from '../store/store.ts';
import { quote } from '../text.ts';
import { FIELD, formError, httpError, type Misfits, whyNotTaken } from './form-errors.ts';
import { Gathered } from './gathered.ts';
import { pictureName, textOfForm } from './picture-name.ts';
import { inRequestTime } from './request-time.ts';

const MIB = 1_024 * 1_024;
/** Boundaries and part headers around the pictures. */
const FRAMING_BYTES = 64 * 1_024;
const USUAL_BYTES = 256 * 1_024;
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

interface Upload {
  readonly data: Buffer;
  readonly name: string;
}

interface File {
  readonly fieldname: string;
  readonly originalname: string;
  readonly stream: NodeJS.ReadableStream;
}

/** `POST /upload`: every picture of the request is queued, or none. */
export function uploadRoute(images: Images) {
  return async (ctx: Context): Promise<void> => {
    refuseByHead(ctx);
    const uploads = await receive(ctx);
    const pictures = await inspect(ctx, uploads);
    ctx.body = await inRequestTime(images.enqueue(pictures));
    ctx.status = 201;
  };
}

/** What the head alone forbids, before a byte of the body is read. */
function refuseByHead(ctx: Context): void {
  const type = ctx.get('content-type');
  if (!/^multipart\/form-data(\s*;|\s*$)/i.test(type)) {
    const came = type && `, not ${quote(type)}`;
    ctx.throw(415, `send multipart/form-data with the field ${FIELD}${came}`);
  }
  if (!/;\s*boundary=("[^"]+"|[^\s;"]+)/i.test(type)) ctx.throw(400, 'multipart without boundary');
  const coding = ctx.get('content-encoding');
  if (coding !== '' && coding !== 'identity') ctx.throw(415, 'send the body without coding');
  if (Number(ctx.get('content-length')) > defaults.maxUploadBytes + FRAMING_BYTES)
    throw tooMuch(ctx);
}

/** Reads the whole form; rejects at the first limit, while multer would read to the end. */
async function receive(ctx: Context): Promise<Upload[]> {
  const { default: multer } = await import('@koa/multer');
  const uploads: Upload[] = [];
  const misfits: Misfits = { texts: new Set(), nameless: null };
  let refuse: (error: unknown) => void = () => {};
  const refused = new Promise<never>((_, reject) => {
    refuse = reject;
  });
  const tooLong = () => refuse(tooMuch(ctx));
  const options = {
    limits,
    storage: memory(uploads, sizeHint(ctx), () => refuse(tooLarge(ctx))),
    streamHandler: (req: IncomingMessage, form: Writable) => {
      note(form, misfits);
      feed(req, form, tooLong);
    },
  };
  const reading = multer(options as never).array(FIELD)(ctx as never, async () => {});
  try {
    await Promise.race([reading, refused]);
  } catch (error) {
    throw formError(ctx, error);
  }
  const why = whyNotTaken(misfits, uploads.length);
  if (why !== null) ctx.throw(400, why);
  return uploads;
}

/** All but one of several pictures may be small, so only a body that can be one is believed. */
function sizeHint(ctx: Context): number {
  const length = Number(ctx.get('content-length')) || 0;
  return length > 0 && length <= defaults.maxPictureBytes + FRAMING_BYTES ? length : USUAL_BYTES;
}

/** Keeps each file in memory; `onLimit` is told the moment one is too large. */
function memory(uploads: Upload[], expected: number, onLimit: () => void) {
  return {
    _handleFile(_: unknown, file: File, done: (error?: unknown, info?: object) => void) {
      const gathered = new Gathered(expected);
      file.stream.once('limit', onLimit);
      file.stream.on('data', (piece: Buffer) => gathered.add(piece));
      file.stream.once('error', done);
      file.stream.once('end', () => {
        uploads.push({ data: gathered.bytes(), name: file.originalname });
        done(null, {});
      });
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
    if (!filename)
      stream.once('data', () => {
        misfits.nameless ??= field;
      });
  });
}

function feed(req: IncomingMessage, form: Writable, tooLong: () => void): void {
  let size = 0;
  req.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > defaults.maxUploadBytes + FRAMING_BYTES) tooLong();
  });
  req.pipe(form);
}

async function inspect(ctx: Context, uploads: readonly Upload[]): Promise<NewPicture[]> {
  const { inspectPicture } = await import('./picture-type.ts');
  return uploads.map(({ data, name }) => {
    const clean = pictureName(textOfForm(name));
    if (data.length === 0) ctx.throw(400, `${clean} is empty`);
    const found = inspectPicture(data);
    if ('problem' in found) return ctx.throw(415, `${clean} ${found.problem}`);
    return { data, type: found.type, name: clean };
  });
}

function tooLarge(ctx: Context): unknown {
  return httpError(ctx, 413, `a picture may have ${defaults.maxPictureBytes / MIB} MiB`);
}

function tooMuch(ctx: Context): unknown {
  return httpError(ctx, 413, `a request may have ${defaults.maxUploadBytes / MIB} MiB`);
}
