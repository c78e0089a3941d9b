/*
 * How long an answer is, RFC 9112 §6.3: read in the same way by the door and by the relay to a
 * program.
 */

const INFORMATIONAL_END = 200;
const NO_CONTENT = 204;
const NOT_MODIFIED = 304;

/** Whether a body follows the head of such an answer. */
export function mayHaveBody(method: string | undefined, status: number): boolean {
  return method !== 'HEAD' && !isBodyless(status);
}

/** It has none, whatever length it gives. */
export function isBodyless(status: number): boolean {
  return status === NO_CONTENT || status === NOT_MODIFIED;
}

/** RFC 9110 §8.6: a 1xx and a 204 say no length, whatever the server thinks. */
export function mayHaveLength(status: number): boolean {
  return status >= INFORMATIONAL_END && status !== NO_CONTENT;
}

/**
 * Whether two readers could understand it in two ways: such an answer is never passed on.
 * @param lengths how many Content-Length lines there are
 * @param codings how many Transfer-Encoding lines there are
 * @param coding the last of those
 */
export function isAmbiguous(lengths: number, codings: number, coding: string): boolean {
  if (codings === 0) return false;
  return codings + lengths > 1 || coding.toLowerCase() !== 'chunked';
}
