import { statSync } from 'node:fs';
import { reason } from '../../text.ts';
import type { Trouble } from './refusal.ts';

type Way = readonly [pattern: RegExp, says: string, remedy: string];

const START = 'Start it, or set REDIS_URL to the Redis you mean';
const CLOSED = `${START}; rediss:// where it speaks TLS`;
const SOCKET = 'Start Redis with `unixsocket` set to that path, or correct REDIS_URL';
const CA = 'in NODE_EXTRA_CA_CERTS, for every meowctl that uses it';

/** What the way to Redis says, by the code of the error or in the words of the client. */
const ways: readonly Way[] = [
  [/Protocol error|ParserError|RESP type|HTTP\//, 'does not speak the Redis protocol', START],
  [/^ENOENT\b/, 'is not there: no such socket', SOCKET],
  [/^(ENOTDIR|ELOOP|ENAMETOOLONG|ENOTSOCK|EPROTOTYPE|EINVAL)\b/, 'is no socket of Redis', SOCKET],
  [
    /^(EACCES|EPERM)\b/,
    'may not be used by this user of the system',
    'Let it into the group of the socket, or set `unixsocketperm` of Redis to 770',
  ],
  [
    /^E[MN]FILE\b/,
    'cannot be asked: too many open files',
    'Allow this process more open files: `ulimit -n 4096`',
  ],
  [/ECONNREFUSED/, 'refused the connection', START],
  [/ENOTFOUND|EAI_AGAIN/, 'has a host name that cannot be found', START],
  [/EHOSTUNREACH|ENETUNREACH/, 'cannot be reached', START],
  [/timed? ?out|ETIMEDOUT/i, 'does not answer', START],
  [/^DEPTH_ZERO_SELF_SIGNED/, 'has a self-signed certificate', `Name the file of it ${CA}`],
  [
    /^(SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_(VERIFY|GET)_)/,
    'has a certificate of an authority that is not known here',
    `Name the file of that authority ${CA}`,
  ],
  [/CERT_HAS_EXPIRED/, 'has a certificate that has expired', 'Renew it there'],
  [/CERT_NOT_YET_VALID/, 'has a certificate that is not valid yet', 'Set the clocks right'],
  [
    /ERR_TLS_CERT_ALTNAME_INVALID/,
    'has a certificate for another host name',
    'Name the host in REDIS_URL as its certificate does, or put that name into it',
  ],
  [
    /CERTIFICATE_REQUIRED|certificate required/i,
    'wants a certificate of each client, and meowctl has none',
    'Set `tls-auth-clients no` there',
  ],
  [/closed|writeable|max retries|ECONNRESET|EPIPE/i, 'closed the connection', CLOSED],
  [
    /certificate|SSL|TLS/i,
    'could not agree on TLS',
    'Check that it speaks TLS there, or use redis://',
  ],
];

/** Why Redis is out of reach. */
export function networkTrouble(cause: unknown): Trouble {
  const { code = '', address } = cause as NodeJS.ErrnoException & { address?: unknown };
  if (code === 'ECONNREFUSED' && typeof address === 'string' && isOtherFile(address)) {
    return { kind: 'unavailable', says: 'is no socket', remedy: SOCKET };
  }
  const text = `${code} ${reason(cause)}`.trimStart();
  const found = ways.find(([pattern]) => pattern.test(text));
  if (!found) return { kind: 'unavailable', says: `cannot be used: ${text}`, remedy: START };
  const [, says, remedy] = found;
  return { kind: 'unavailable', says, remedy };
}

// The system says the same of a socket that nobody listens on and of a file that is no socket.
function isOtherFile(address: string): boolean {
  if (!address.startsWith('/')) return false;
  return statSync(address, { throwIfNoEntry: false })?.isSocket() === false;
}
