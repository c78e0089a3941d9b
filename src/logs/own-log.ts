import type { Writable } from 'node:stream';
import { repeat } from '../loop.ts';
import { logPath, rawLogPath } from './files.ts';
import { capRawLog, touchLog } from './raw-log.ts';
import { type LogLimits, type LogSource, RotatingLog } from './rotating-log.ts';

export interface OwnLogLimits extends LogLimits {
  /** How often it is tended. */
  readonly beatMs: number;
  readonly rawLogMaxBytes: number;
  /** How often a log in which nothing is said is marked as in use. */
  readonly logTouchMs: number;
}

/**
 * From here on what this process prints goes to its own log. Its descriptors 1 and 2 are the
 * raw log, for what does not ask `process.stdout` (a crash, native code); that is kept small.
 */
export function keepOwnLog(
  proc: NodeJS.Process,
  home: string,
  name: string,
  limits: OwnLogLimits,
): void {
  const log = new RotatingLog(logPath(home, name), limits);
  redirect(proc.stdout, log, 'out');
  redirect(proc.stderr, log, 'err');
  proc.once('exit', () => log.close());
  repeat({
    name: 'tending this log',
    every: () => limits.beatMs,
    work() {
      capRawLog(rawLogPath(home, name), limits.rawLogMaxBytes);
      touchLog(logPath(home, name), new Date(), limits.logTouchMs);
    },
    log: (line) => proc.stderr.write(`meowctl: ${line}\n`),
    unref: true,
  });
}

// Below `write`, so that encodings, callbacks and `pipe` work as ever.
function redirect(stream: Writable, log: RotatingLog, from: LogSource): void {
  stream._write = (chunk: Uint8Array, _encoding, done) => {
    log.write(chunk, from);
    done();
  };
}
