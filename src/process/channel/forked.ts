import { type ChildProcess, fork } from 'node:child_process';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { FailedError } from '../../errors.ts';
import { systemReason } from '../../text.ts';
import { endInWords } from '../child-ends.ts';
import { hasEnded } from '../terminate.ts';

export interface Forked<Message> {
  readonly pid: number;
  /** Says nothing where it has ended. @param socket what Node has of one: goes along, and stays open here too */
  send(message: Message, socket?: object): void;
  destroy(): void;
}

export interface ForkedProgram {
  readonly execPath: string;
  readonly cliPath: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export interface ForkedEvents<Message> {
  message(message: Message): void;
  /** @param how in words, such as "ended with exit code 1" */
  ended(how: string): void;
  /** Whole lines, with the end of the last one. */
  said(stream: 'stdout' | 'stderr', lines: string): void;
}

/**
 * Starts the command line once more, as a part of this process: they talk over a channel, and what it
 * prints comes here.
 * @throws FailedError where it cannot be started
 */
export function startForked<To extends object, From>(
  { execPath, cliPath, args, env }: ForkedProgram,
  events: ForkedEvents<From>,
): Forked<To> {
  const stdio: ('ignore' | 'pipe' | 'ipc')[] = ['ignore', 'pipe', 'pipe', 'ipc'];
  const child = started(() => fork(cliPath, [...args], { execPath, env, stdio, execArgv: [] }));
  const { pid = 0 } = child;
  child.on('message', (message) => events.message(message as From));
  tell(child.stdout, (lines) => events.said('stdout', lines));
  tell(child.stderr, (lines) => events.said('stderr', lines));
  // Not at `exit`: what it has said before may not have been read by then.
  child.once('close', (code, signal) => {
    events.ended(endInWords(code, signal));
  });
  return {
    pid,
    send(message, socket) {
      if (!child.connected) return;
      // Its end is heard of as its end.
      const heard = () => {};
      if (socket) child.send(message, socket as Socket, heard);
      else child.send(message, heard);
    },
    destroy: () => void (hasEnded(child) || child.kill('SIGKILL')),
  };
}

function started(start: () => ChildProcess): ChildProcess {
  const remedy = 'Allow this user more processes and open files: `ulimit -u`, `ulimit -n`';
  try {
    const child = start();
    child.on('error', () => {}); // it ends then, or has no pid
    if (child.pid !== undefined) return child;
  } catch (cause) {
    const message = `cannot start a process: ${systemReason(cause)}`;
    throw new FailedError('fork', message, remedy, { cause });
  }
  throw new FailedError('fork', 'cannot start a process', remedy);
}

const LONGEST_LINE = 64 * 1_024;

function tell(stream: Readable | null, say: (lines: string) => void): void {
  let rest = '';
  stream?.setEncoding('utf8').on('data', (text: string) => {
    const all = rest + text;
    const end = all.lastIndexOf('\n') + 1;
    const isTooLong = all.length - end > LONGEST_LINE;
    rest = isTooLong ? '' : all.slice(end);
    if (isTooLong) say(`${all}\n`);
    else if (end > 0) say(all.slice(0, end));
  });
  stream?.once('end', () => {
    if (rest !== '') say(`${rest}\n`);
  });
}
