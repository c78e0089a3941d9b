import { randomBytes } from 'node:crypto';
import type { Machine } from '../../process/identity.ts';
import { keeperMark } from '../../store/desired-state.ts';

type Run = Pick<Machine, 'bootId' | 'pidNs'>;

/** What a keeper holds its host's lock with: nobody else's, and it tells where its process is. */
export function createKeeperToken({ bootId, pidNs }: Run): string {
  return [keeperMark + randomBytes(9).toString('base64url'), bootId, pidNs].join(' ');
}

/** Null for that of an older version. */
export function runOfKeeper(token: string): Run | null {
  const [, bootId, pidNs] = token.split(' ');
  return bootId === undefined || pidNs === undefined ? null : { bootId, pidNs };
}
