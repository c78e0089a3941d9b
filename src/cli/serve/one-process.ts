import { basename } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { FailedError } from '../../errors.ts';
import { identify } from '../../process/identity.ts';
import type { Context } from '../context/context.ts';

/** An app that starts another one as soon as this ends does so no faster. */
const BRAKE_MS = 1_000;

/**
 * One id is one process. An app that runs `process.argv` again, as cluster.fork() does, would make
 * another server under the id of its own.
 * @throws FailedError in such a second process, before it has touched anything
 */
export async function mustBeFirst(
  context: Context,
  { id, spawned }: { readonly id?: string; readonly spawned?: boolean },
): Promise<void> {
  // Who was launched is told what to serve, and forgets it before the app runs.
  const isLaunched = !spawned || context.config.app !== null;
  if (isLaunched && !runsAsParentDoes(context.process)) return;
  await pause(BRAKE_MS);
  if (context.process.connected) context.process.disconnect(); // it would keep us alive
  const server = id === undefined ? 'this server' : `server ${id}`;
  const message = `${server} runs already, and is one process: its app started meowctl again, as cluster.fork() does`;
  throw new FailedError('one-process', message, 'meowctl starts the processes: `spawn 4`');
}

// An init, sudo, timeout and other programs that start us also end in our command line.
function runsAsParentDoes({ ppid, argv, argv0, execPath, execArgv }: NodeJS.Process): boolean {
  const [, script = '', ...words] = argv;
  const [program = '', ...line] = identify(ppid)?.commandLine ?? [];
  const at = line.length - words.length - 1;
  const options = line.slice(0, Math.max(at, 0)).filter((word) => word !== '--');
  return (
    [execPath, argv0].some((path) => basename(path) === basename(program)) &&
    (options.every((word) => word.startsWith('-')) || isDeepStrictEqual(options, execArgv)) &&
    basename(line[at] ?? '') === basename(script) &&
    words.every((word, n) => line[at + 1 + n] === word)
  );
}
