import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import type { Machine, ThisProcess } from '../../process/identity.ts';
import { socketPath } from '../../state/socket-path.ts';
import { keeperMark } from '../../store/desired-state.ts';
import { answers, deathSockets } from './socket.ts';

const ANSWER_MS = 1_000;

/**
 * Whether a keeper or another `up` lives in this very state folder, in whatever container: their
 * sockets answer. Those in a copy of a folder do not.
 */
export async function inUse(home: string, self: ThisProcess): Promise<boolean> {
  const keepers = deathSockets(home).map(answers);
  const ups = upSockets(home).map((path) => isHeldByAnother(path, self));
  return (await Promise.all([...keepers, ...ups])).includes(true);
}

/** Of the lock of `up`: up-lock.ts. */
function upSockets(home: string): string[] {
  const folder = dirname(socketPath(home, 'up/1'));
  return readdirSync(folder)
    .filter((name) => /^\d+$/.test(name))
    .map((name) => join(folder, name));
}

/** Who holds the lock says who it is; one that is stopped says nothing, and is somebody. */
function isHeldByAnother(path: string, { pid, pidStart }: ThisProcess): Promise<boolean> {
  return new Promise((resolve) => {
    let said = '';
    const connection = connect(path).setEncoding('utf8');
    const settle = (held: boolean) => {
      clearTimeout(limit);
      connection.destroy();
      resolve(held && !said.includes(`"pid":${pid},"pidStart":"${pidStart}"`));
    };
    const limit = setTimeout(() => settle(true), ANSWER_MS);
    connection.on('data', (piece: string) => {
      said += piece;
    });
    connection.once('end', () => settle(true));
    connection.once('error', () => settle(false));
  });
}

type Run = Pick<Machine, 'bootId' | 'pidNs'>;

/** What a keeper holds its host's lock with: nobody else's, and it tells where its process is. */
export function createReconcilerToken({ bootId, pidNs }: Run): string {
  return [keeperMark + randomBytes(9).toString('base64url'), bootId, pidNs].join(' ');
}

/** Null for that of an older version. */
export function runOfReconciler(token: string): Run | null {
  const [, bootId, pidNs] = token.split(' ');
  return bootId === undefined || pidNs === undefined ? null : { bootId, pidNs };
}
