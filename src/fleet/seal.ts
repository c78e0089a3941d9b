import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { existsSync, linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FailedError } from '../errors.ts';
import type { AppSpec } from '../store/records.ts';
import { quote, systemReason } from '../text.ts';

/*
 * Specs come back from Redis, and somebody else may write there. Starting one is running whatever
 * it says, so each is sealed with a key that never leaves the state folder of its machine.
 */

const KEY_BYTES = 32;

/** @param home a state folder that is there */
export function sealSpec(home: string, spec: AppSpec): AppSpec {
  return { ...spec, seal: sealOf(spec, readKey(home)) };
}

/** Whether it was sealed here. The plain cat app needs no seal. */
export function isSealed(home: string, spec: AppSpec): boolean {
  const { kind, envDigest, envFile, oldValues, cwd, health } = spec;
  const plain = envDigest === null && envFile === undefined && oldValues === undefined;
  if (kind === 'cat' && plain && cwd === null && health === null) return true;
  const expected = Buffer.from(sealOf(spec, readKey(home)));
  const given = Buffer.from(spec.seal ?? '');
  return given.length === expected.length && timingSafeEqual(given, expected);
}

// A list, whose order is ours: Redis' scripts may write an object's fields in another.
function sealOf(spec: AppSpec, key: Buffer): string {
  const what = spec.kind === 'module' ? spec.path : spec.kind === 'program' ? spec.command : null;
  const fields = [
    spec.kind,
    what,
    ...environment(spec),
    spec.cwd,
    spec.health,
    spec.readyMs ?? null,
  ];
  return createHmac('sha256', key).update(JSON.stringify(fields)).digest('base64url');
}

function environment({ env, envDigest, envFile, envAll, oldValues }: AppSpec): unknown[] {
  if (oldValues) return [Object.entries(oldValues).sort(([a], [b]) => (a < b ? -1 : 1))];
  return [env, envDigest, envFile ?? null, envAll ?? false];
}

/** Makes it at first use; of several at once, one makes it. */
export function readKey(home: string): Buffer {
  const path = join(home, 'seal.key');
  try {
    if (!existsSync(path)) makeKey(path);
    return readFileSync(path);
  } catch (cause) {
    const message = `cannot keep a key in ${quote(path)}: ${systemReason(cause)}`;
    throw new FailedError('no-seal', message, 'Check that folder, and the room on its disk', {
      cause,
    });
  }
}

function makeKey(path: string): void {
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, randomBytes(KEY_BYTES), { mode: 0o600 });
  try {
    linkSync(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}
