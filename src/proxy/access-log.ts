import { debug } from '../debug.ts';
import { plain } from '../text.ts';
import { zonedTime } from '../time/zoned-time.ts';
import type { Answered } from './exchange/context.ts';

const MAX_PATH = 200;

/** One line per request: local time with its offset, method, path, server, status, duration. */
export function accessLine(answered: Answered): string {
  const { at, method, path, server, status, durationMs, tried, trouble } = answered;
  const words = [
    zonedTime(at).time,
    plain(method),
    shortened(plain(path)),
    server ?? '-',
    String(status),
    `${durationMs.toFixed(durationMs < 10 ? 1 : 0)}ms`,
  ];
  if (trouble !== null) words.push(`(${plain(trouble)})`);
  // A server that answered at the first attempt has been named already.
  if (tried.length > 1 || (server === null && tried.length > 0))
    words.push(`tried ${tried.join(' ')}`);
  return words.join(' ');
}

/** The same told as a line of MEOW_DEBUG=proxy, where that is asked for. */
export function alsoInDebug(
  onAnswer: ((answered: Answered) => void) | null,
): ((answered: Answered) => void) | null {
  const say = debug.proxy;
  if (!say) return onAnswer;
  return (answered) => {
    say(`answered: ${accessLine(answered)}`);
    onAnswer?.(answered);
  };
}

function shortened(path: string): string {
  return path.length > MAX_PATH ? `${path.slice(0, MAX_PATH - 1)}…` : path;
}
