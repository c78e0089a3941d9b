import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import type { Machine, ThisProcess } from '../../process/identity.ts';
import { socketPath } from '../../state/socket-path.ts';
import { lockMark } from '../../store/desired-state.ts';
import { answers, deathSockets } from './socket.ts';

/**
 * Whether a reconciler or another `up` lives in this very state folder, in whatever container: their
 * sockets answer. Those in a copy of a folder do not.
 * @param answerMs who listens and says nothing for so long is stopped
 */
export async function inUse(home: string, self: ThisProcess, answerMs: number): Promise<boolean> {
  const reconcilers = deathSockets(home).map(answers);
  const ups = upSockets(home).map((path) => isTakenByAnother(path, self, answerMs));
  return (await Promise.all([...reconcilers, ...ups])).includes(true);
}

/** Sockets of the lock of `up`: state/lock.ts. */
function upSockets(home: string): string[] {
  const folder = dirname(socketPath(home, 'up/1'));
  return readdirSync(folder)
    .filter((name) => /^\d+$/.test(name))
    .map((name) => join(folder, name));
}

/** Who holds the lock says who it is; one that is stopped says nothing, and is somebody. */
function isTakenByAnother(
  path: string,
  { pid, pidStart }: ThisProcess,
  answerMs: number,
): Promise<boolean> {
  return new Promise((resolve) => {
    let about = '';
    const connection = connect(path).setEncoding('utf8');
    const settle = (taken: boolean) => {
      clearTimeout(limit);
      connection.destroy();
      resolve(taken && !about.includes(`"pid":${pid},"pidStart":"${pidStart}"`));
    };
    const limit = setTimeout(() => settle(true), answerMs);
    connection.on('data', (piece: string) => {
      about += piece;
    });
    connection.once('end', () => settle(true));
    connection.once('error', () => settle(false));
  });
}

type Run = Pick<Machine, 'bootId' | 'pidNs'>;

/** What a reconciler holds its host's lock with: nobody else's, and it tells where its process is. */
export function createReconcilerToken({ bootId, pidNs }: Run): string {
  return [lockMark + randomBytes(9).toString('base64url'), bootId, pidNs].join(' ');
}

/** Null for that of an older version. */
export function runOfReconciler(token: string): Run | null {
  const [, bootId, pidNs] = token.split(' ');
  return bootId === undefined || pidNs === undefined ? null : { bootId, pidNs };
}
