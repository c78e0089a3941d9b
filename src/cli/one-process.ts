import { basename } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { FailedError } from '../errors.ts';
import { identify } from '../fleet/process-identity.ts';
import type { Context } from './context.ts';

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

function runsAsParentDoes({ ppid, argv }: NodeJS.Process): boolean {
  const [, script = '', ...words] = argv;
  const line = identify(ppid)?.commandLine ?? [];
  const at = line.length - words.length;
  return (
    basename(line[at - 1] ?? '') === basename(script) &&
    words.every((word, n) => line[at + n] === word)
  );
}
