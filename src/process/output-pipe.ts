import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** One end is for a program to write to, the other is ours. */
export interface OutputPipe {
  /** To be closed here once the program has it. */
  readonly writeEnd: number;
  readonly reader: Socket;
}

/**
 * Real pipes for what a program says. Those that Node makes are sockets, and on Linux nobody can open
 * `/dev/stdout` where that is one: nginx does, and shell scripts.
 * @param makeFifos makes them, writable for whatever user the program becomes
 * @returns null where none can be made, such as without a temporary folder
 */
export function openOutputPipes(
  count: number,
  makeFifos: (paths: readonly string[]) => void,
): OutputPipe[] | null {
  const pipes: OutputPipe[] = [];
  let folder = '';
  try {
    folder = mkdtempSync(join(tmpdir(), 'meowctl-'));
    const paths = Array.from({ length: count }, (_, at) => join(folder, String(at)));
    makeFifos(paths);
    for (const path of paths) pipes.push(openPipe(path));
    return pipes;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    for (const { writeEnd, reader } of pipes) {
      closeSync(writeEnd);
      reader.destroy();
    }
    return null;
  } finally {
    // What is open stays, without a name.
    if (folder !== '') rmSync(folder, { recursive: true, force: true });
  }
}

/** Where one end is open without waiting for the other, the other does not wait either. */
function openPipe(path: string): OutputPipe {
  const readEnd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const writeEnd = openSync(path, constants.O_WRONLY);
    const reader = new Socket({ fd: readEnd, readable: true, writable: false });
    reader.on('error', () => {}); // `close` follows
    return { writeEnd, reader };
  } catch (error) {
    closeSync(readEnd);
    throw error;
  }
}
