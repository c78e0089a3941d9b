import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { dirname, join } from 'node:path';
import { FailedError } from '../errors.ts';
import { quote, systemReason } from '../text.ts';
import { socketPath } from './socket-path.ts';
import { linkIfFree, removeFile } from './whole-file.ts';

/*
 * Of all processes one holds a lock of a state folder: a listening Unix socket, which the kernel lets
 * go when its process ends, however. A name of such a socket cannot be taken over from a dead one
 * without a moment in which two could do it; so names are numbers, and are only added. The lock is the
 * highest number's. Who finds nobody there links its own socket, which listens already, as the next
 * number: one can. A number is removed only when there are several higher ones, so that even one who
 * looked long ago and was stopped since sees, by looking again, that it came too late.
 */

const NUMBERS_KEPT = 8;
const NOBODY = new Set(['ECONNREFUSED', 'ENOENT', 'ENOTSOCK']);

export interface Lock {
  release(): void;
}

/** Somebody else holds it. */
export interface LockHolder {
  /** What it says of itself; empty when it said nothing in time: it may be stopped. */
  readonly about: string;
}

/**
 * Takes a lock of a state folder, if nobody holds it.
 * @param name of the lock, and of the folder of its sockets
 * @param about what others are told of its holder
 * @param answerMs a holder that says nothing for so long is stopped, and holds it all the same
 * @throws FailedError where the folder cannot hold one
 */
export async function takeLock(
  home: string,
  name: string,
  about: string,
  answerMs: number,
): Promise<Lock | LockHolder> {
  const own = socketPath(home, `${name}/t${randomBytes(4).toString('hex')}`);
  const folder = dirname(own);
  const server = await listenAt(own, about);
  try {
    const holder = await contend(folder, own, answerMs);
    if (holder) server.close();
    return holder ?? { release: () => server.close() };
  } catch (error) {
    server.close();
    throw error;
  } finally {
    removeFile(own);
  }
}

/** @returns who holds it; null when we do */
async function contend(folder: string, own: string, answerMs: number): Promise<LockHolder | null> {
  for (;;) {
    const top = highest(folder);
    const holder = top === 0 ? null : await ask(join(folder, String(top)), answerMs);
    if (holder) return holder;
    const next = top + 1;
    if (tryLink(own, join(folder, String(next))) && highest(folder) === next) {
      for (const old of numbersIn(folder)) {
        if (old <= next - NUMBERS_KEPT) removeFile(join(folder, String(old)));
      }
      return null;
    }
  }
}

function highest(folder: string): number {
  return Math.max(0, ...numbersIn(folder));
}

function numbersIn(folder: string): number[] {
  return readdirSync(folder)
    .filter((name) => /^\d{1,9}$/.test(name))
    .map(Number);
}

/** Whether somebody listens there; one that is stopped does, by the kernel's word. */
function ask(path: string, answerMs: number): Promise<LockHolder | null> {
  return new Promise((resolve, reject) => {
    let about = '';
    const socket = connect(path);
    const settle = (holder: LockHolder | null) => {
      clearTimeout(limit);
      socket.destroy();
      resolve(holder);
    };
    const limit = setTimeout(() => settle({ about }), answerMs);
    socket.setEncoding('utf8').on('data', (more: string) => {
      about += more;
    });
    socket.once('end', () => settle({ about }));
    socket.once('error', (cause: NodeJS.ErrnoException) => {
      const { code = '' } = cause;
      if (NOBODY.has(code)) return settle(null);
      // Its queue is full, or it ended as we spoke: it was there.
      if (code === 'EAGAIN' || code === 'ECONNRESET' || code === 'EPIPE') return settle({ about });
      clearTimeout(limit);
      reject(cannotLock(path, cause));
    });
  });
}

function listenAt(path: string, about: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.end(about);
    });
    server.once('error', (cause) => reject(cannotLock(path, cause)));
    server.listen(path, () => {
      server.on('error', () => {}); // one that could not be accepted: the kernel's word stands
      server.unref();
      resolve(server);
    });
  });
}

function tryLink(own: string, path: string): boolean {
  try {
    return linkIfFree(own, path);
  } catch (error) {
    throw cannotLock(path, error);
  }
}

function cannotLock(path: string, cause: unknown): FailedError {
  const why = systemReason(cause);
  const message = `cannot hold a lock at ${quote(path)}: ${why}`;
  const remedy = 'Set MEOW_HOME to a folder that can hold Unix sockets, on a disk with room';
  return new FailedError('up-lock', message, remedy, { cause });
}
