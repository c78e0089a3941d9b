import type { Parsed } from './fields.ts';

/** What `set` keeps for a while under a key of its user's choice, and `get` gives. */
export interface Message {
  readonly message: string;
  readonly ttlMs: number;
}

const KEY = /^[A-Za-z0-9._-]{1,64}$/;

/** It becomes part of the name of a key in Redis. A problem goes on from "use". */
export function parseMessageKey(text: string): Parsed<string> {
  if (KEY.test(text)) return { ok: text };
  return { problem: '1 to 64 of the characters A-Z a-z 0-9 . _ -' };
}

/** A problem goes on from "use". */
export function parseMessage(text: string, maxBytes: number): Parsed<string> {
  if (Buffer.byteLength(text) <= maxBytes) return { ok: text };
  return { problem: `at most ${maxBytes} bytes` };
}
