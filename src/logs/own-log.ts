import type { Writable } from 'node:stream';
import { defaults } from '../defaults.ts';
import { repeat } from '../loop.ts';
import { logPath, rawLogPath } from './files.ts';
import { capRawLog, touchLog } from './raw-log.ts';
import { type LogSource, RotatingLog } from './rotating-log.ts';

/**
 * From here on what this process prints goes to its own log. Its descriptors 1 and 2 are the
 * raw log, for what does not ask `process.stdout` (a crash, native code); that is kept small.
 */
export function keepOwnLog(proc: NodeJS.Process, home: string, name: string): void {
  const log = new RotatingLog(logPath(home, name));
  redirect(proc.stdout, log, 'out');
  redirect(proc.stderr, log, 'err');
  proc.once('exit', () => log.close());
  repeat({
    name: 'tending this log',
    every: () => defaults.beatMs,
    work() {
      capRawLog(rawLogPath(home, name));
      touchLog(logPath(home, name), new Date());
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
