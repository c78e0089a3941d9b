import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { FailedError } from '../errors.ts';
import {
  type DesiredServer,
  parseDesiredServer,
  type SignedServer,
} from '../model/desired-server.ts';
import { quote, systemReason } from '../text.ts';
import { writeOnce } from './whole-file.ts';

/*
 * Desired servers come back from Redis, and somebody else may write there. Starting one is running whatever
 * it says, wherever it says, so each is signed with a key that never leaves its host's state folder.
 */

const KEY_BYTES = 32;

/** What a signature covers; the rest (process, state, words for people) changes or decides nothing. */
const SIGNED = [
  'id',
  'hostId',
  'registry',
  'namespace',
  'listenHost',
  'port',
  'fixedPort',
  'advertise',
  'ofUp',
  'replaces',
  'spec',
] as const;

export type Unsigned = Omit<SignedServer, 'seal'>;

/**
 * @param home a state folder that is there
 * @throws FailedError where its key cannot be kept
 */
export function sign(home: string, desired: Unsigned): SignedServer {
  return { ...desired, seal: signatureOf(desired, readKey(home)) };
}

/** Whether it was signed with the key of this state folder, and is what was signed. */
export function isSigned(home: string, desired: DesiredServer): desired is SignedServer {
  return isSignedWith(readKey(home), desired);
}

/** @param key what `readKey` gave: for many at once */
export function isSignedWith(key: Buffer, desired: DesiredServer): desired is SignedServer {
  const { id, hostId, registry, namespace, seal = '' } = desired;
  if ([id, hostId, registry, namespace].includes(undefined)) return false;
  return isSame(seal, signatureOf(desired, key));
}

/** Whether it is what was signed, told by one that was found to be signed: that takes no key. */
export function isAsSigned(desired: DesiredServer, signed: SignedServer): desired is SignedServer {
  const same = (name: (typeof SIGNED)[number]) =>
    isDeepStrictEqual(desired[name] ?? null, signed[name] ?? null);
  return desired.seal === signed.seal && SIGNED.every(same);
}

/** Whether what stands in Redis for it is what was signed. */
export function isCopy(text: string | null, signed: SignedServer): boolean {
  if (text === null) return false;
  const found = parseDesiredServer(signed.id, text);
  return 'ok' in found && isAsSigned(found.ok, signed);
}

export function isSame(given: string, expected: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)];
  return one.length === other.length && timingSafeEqual(one, other);
}

function signatureOf(desired: DesiredServer, key: Buffer): string {
  const fields = SIGNED.map((name) => desired[name] ?? null);
  return createHmac('sha256', key).update(canonical(fields)).digest('base64url');
}

/** JSON with the fields of each object in order: Redis' scripts and parsers keep none. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

/**
 * The key of a state folder. Made at first use; of several at once, one makes it.
 * @throws FailedError where it cannot be kept
 */
export function readKey(home: string): Buffer {
  const path = join(home, 'seal.key');
  try {
    if (!existsSync(path)) writeOnce(path, randomBytes(KEY_BYTES));
    return readFileSync(path);
  } catch (error) {
    const cause = error instanceof FailedError ? error.cause : error;
    const message = `cannot keep a key in ${quote(path)}: ${systemReason(cause)}`;
    throw new FailedError('no-seal', message, 'Check that folder, and the room on its disk', {
      cause,
    });
  }
}
