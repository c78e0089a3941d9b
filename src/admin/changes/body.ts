import type { IncomingMessage } from 'node:http';
import { quote } from '../../text.ts';
import { unknownField } from '../responses/query.ts';
import { problem, type Reply } from '../responses/reply.ts';

const MAX_BYTES = 4 * 1_024;

type Fields = Readonly<Record<string, unknown>>;
export type FieldCheck = (value: unknown) => string | null;

/**
 * The body of a change, checked.
 * @param checks what each field that may be there must be, in words, where it is not
 */
export async function readFields(
  request: IncomingMessage,
  checks: Readonly<Record<string, FieldCheck>>,
): Promise<Fields | Reply> {
  const bytes = await readBytes(request);
  if (bytes === null) return problem(413, `a body over ${MAX_BYTES} bytes`);
  if (bytes.length > 0 && !isJson(request)) {
    return problem(415, 'the body is not JSON', 'Send `Content-Type: application/json`');
  }
  const fields = bytes.length > 0 ? parse(bytes) : {};
  if (fields === null) return problem(400, 'the body is not a JSON object');
  return wrong(fields, checks) ?? fields;
}

export function isReply(value: Fields | Reply): value is Reply {
  return typeof value.status === 'number' && 'body' in value;
}

/** @returns null where it is too long, or does not come whole */
function readBytes(request: IncomingMessage): Promise<Buffer | null> {
  if (Number(request.headers['content-length'] ?? 0) > MAX_BYTES) return Promise.resolve(null);
  const pieces: Buffer[] = [];
  let size = 0;
  return new Promise((resolve) => {
    request.on('data', (piece: Buffer) => {
      size += piece.length;
      if (size > MAX_BYTES) return resolve(null);
      pieces.push(piece);
    });
    request.once('end', () => resolve(size > MAX_BYTES ? null : Buffer.concat(pieces)));
    request.once('close', () => resolve(null));
    request.once('error', () => resolve(null));
  });
}

function isJson({ headers }: IncomingMessage): boolean {
  const type = headers['content-type'] ?? '';
  if (headers['content-encoding'] !== undefined) return false;
  return /^application\/json *(; *charset="?utf-8"?)? *$/i.test(type);
}

function parse(bytes: Buffer): Fields | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Fields) : null;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return null;
    throw error;
  }
}

// What is not known is refused, not passed over: whoever sends `app` means it.
function wrong(fields: Fields, checks: Readonly<Record<string, FieldCheck>>): Reply | null {
  for (const [name, value] of Object.entries(fields)) {
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
    if (!check) return unknownField(name, Object.keys(checks));
    const must = check(value);
    if (must !== null) return problem(400, `${quote(name)} is not ${must}`);
  }
  return null;
}
