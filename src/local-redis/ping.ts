import { connect } from 'node:net';
import type { RedisPlace } from '../store/connection/redis-address.ts';

const MAX_REPLY_BYTES = 64 * 1_024;

/** What is heard from a port. `text` is what came before it was enough, closed, or too late. */
interface Heard {
  readonly how: 'enough' | 'closed' | 'late' | 'refused';
  readonly text: string;
}

/** What answers on a port to our password. `ours` may refuse all else: a full disk, say (MISCONF). */
export type Answer = 'ours' | 'loading' | 'stranger' | 'silent' | 'nobody';

/** Whether anything at all answers a PING. */
export async function answersPing(place: RedisPlace, withinMs: number): Promise<boolean> {
  const { text } = await ask(place, 'PING\r\n', /./s, withinMs);
  return text !== '';
}

/** AUTH and PING, so that a stranger on that port is not taken for the local Redis. */
export async function askOurs(port: number, password: string, withinMs: number): Promise<Answer> {
  const commands = `AUTH ${password}\r\nPING\r\n`;
  const enough = /^(?!\+OK\r\n)[^\n]*\n|^\+OK\r\n[^\n]*\n/;
  const { how, text } = await ask(loopback(port), commands, enough, withinMs);
  if (text.startsWith('+OK\r\n-LOADING')) return 'loading';
  if (/^\+OK\r\n[+-]/.test(text)) return 'ours';
  if (how === 'refused') return 'nobody';
  return how === 'late' && text === '' ? 'silent' : 'stranger';
}

/** The pid of the Redis on that port, as it says itself. */
export async function askPid(
  port: number,
  password: string,
  withinMs: number,
): Promise<number | null> {
  const commands = `AUTH ${password}\r\nINFO server\r\n`;
  const pid = /\nprocess_id:(\d{1,10})\r\n/;
  const { text } = await ask(loopback(port), commands, pid, withinMs);
  const found = pid.exec(text)?.[1];
  return found === undefined ? null : Number(found);
}

function loopback(port: number): RedisPlace {
  return { host: '127.0.0.1', port };
}

/** Only the store imports a Redis client; these few words need none. */
function ask(
  place: RedisPlace,
  commands: string,
  enough: RegExp,
  withinMs: number,
): Promise<Heard> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect({ ...place });
    const settle = (how: Heard['how']) => {
      clearTimeout(limit);
      socket.destroy();
      resolve({ how, text });
    };
    // An answer that came while this process was busy is in the socket, not yet read: look once more.
    const limit = setTimeout(() => setImmediate(() => settle('late')), withinMs);
    socket.setEncoding('utf8');
    socket.once('connect', () => socket.write(commands));
    socket.once('error', ({ code }: NodeJS.ErrnoException) => {
      settle(code === 'ECONNREFUSED' ? 'refused' : 'closed');
    });
    socket.once('close', () => settle('closed'));
    socket.on('data', (more: string) => {
      text += more;
      if (enough.test(text) || text.length > MAX_REPLY_BYTES) settle('enough');
    });
  });
}
