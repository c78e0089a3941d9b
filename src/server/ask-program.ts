import { get } from 'node:http';
import { defaults } from '../config.ts';

/** What a program said to one request for its health. */
export interface Said {
  readonly host: string;
  /** Null where no answer came. */
  readonly status: number | null;
  /** Something came, and it was no HTTP. */
  readonly garbled: boolean;
}

/** Whether it is ready: an app that answers at all may do so with 404. */
export function isWell({ status }: Said): boolean {
  return status !== null && status < 500;
}

/** Whether anything came at all. */
export function isWord({ status, garbled }: Said): boolean {
  return status !== null || garbled;
}

/** Asks on each of these addresses, and waits no longer than it may. */
export function askAll(
  port: number,
  path: string,
  hosts: readonly string[],
  withinMs = Number.POSITIVE_INFINITY,
): Promise<Said[]> {
  const timeout = Math.max(1, Math.min(withinMs, defaults.programHealthMs));
  return Promise.all(hosts.map((host) => ask({ host, port, path, timeout })));
}

interface Asked {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly timeout: number;
}

function ask({ host, ...to }: Asked): Promise<Said> {
  return new Promise((resolve) => {
    const options = { host, ...to, agent: false, maxHeaderSize: defaults.serverHeaderBytes };
    const nothing = { host, status: null, garbled: false };
    const asked = get(options, (answer) => {
      resolve({ ...nothing, status: answer.statusCode ?? null });
      asked.destroy();
    });
    asked.once('timeout', () => asked.destroy());
    asked.on('error', ({ code = '' }: NodeJS.ErrnoException) =>
      resolve({ ...nothing, garbled: code.startsWith('HPE_') }),
    );
    asked.once('close', () => resolve(nothing));
  });
}
