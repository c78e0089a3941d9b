import type { Context } from 'koa';
import { quote } from '../../text.ts';
import { textOfForm } from '../picture/name.ts';

export const FIELD = 'image';

const tooMuch413 = new Set([
  'LIMIT_FILE_SIZE',
  'LIMIT_FILE_COUNT',
  'LIMIT_PART_COUNT',
  'LIMIT_FIELD_COUNT',
  'LIMIT_FIELD_VALUE',
]);

/** What of a form is no picture. */
export interface Misfits {
  /** The fields that came as text. */
  readonly texts: Set<string>;
  /** The field of a file that came without a name, which makes it none; null for none. */
  nameless: string | null;
}

/** Why a form is not taken whose pictures would be, or that has none; null for one that is. */
export function whyNotTaken({ texts, nameless }: Misfits, files: number): string | null {
  if (texts.has(FIELD)) return asText;
  if (nameless !== null) {
    return `a file came without a name in the field ${shown(nameless)}: it needs filename=`;
  }
  if (files > 0) return null;
  const others = [...texts].map(shown).join(', ');
  return `no file in the field ${FIELD}${others && `, but text in ${others}`}`;
}

/** multer's and busboy's errors as what the client did: Koa would call each a 500. */
export function formError(ctx: Context, error: unknown): unknown {
  if (typeof (error as { status?: unknown }).status === 'number') return error;
  const { code = '', message = 'malformed', field } = error as MulterError;
  if (code === 'LIMIT_FIELD_VALUE' && field === FIELD) return httpError(ctx, 400, asText);
  if (code === 'LIMIT_UNEXPECTED_FILE') {
    const came = `a file came in the field ${shown(field ?? '')}`;
    return httpError(ctx, 400, `${came}: pictures are wanted in the field ${FIELD}`);
  }
  const where = field === undefined ? '' : `: ${shown(field)}`;
  return httpError(ctx, tooMuch413.has(code) ? 413 : 400, `multipart: ${message}${where}`);
}

export function httpError(ctx: Context, status: number, message: string): unknown {
  try {
    return ctx.throw(status, message);
  } catch (error) {
    return error;
  }
}

interface MulterError {
  readonly code?: string;
  readonly message?: string;
  readonly field?: string;
}

const asText = `the field ${FIELD} came as text: send a file, as curl -F ${FIELD}=@cat.jpg does`;

function shown(field: string): string {
  return quote(textOfForm(field));
}
