import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { BIN } from './cli.ts';

// A wait of the product's is not stretched by a busy machine, what it computes is: by as much as
// the yard beside it. So many of its longest are allowed on top.
const YARDS = 10;
// The yard is to see what the machine does, not to be what it does.
const PAUSE_PER_YARD = 2;

export interface Measured<T> {
  readonly value: T;
  readonly ms: number;
  /** What a limit that is the contract gives way by, here and now: next to nothing when idle. */
  readonly slackMs: number;
}

/**
 * Measures work whose time is the contract. Beside it goes a yard again and again: something of the
 * same kind that waits for nothing, so that what the machine does to both shows in it.
 */
export async function measured<T>(
  work: Promise<T>,
  yard: () => Promise<unknown>,
): Promise<Measured<T>> {
  const startMs = performance.now();
  let ms = 0;
  const done = work.finally(() => {
    ms = performance.now() - startMs;
  });
  done.catch(() => {}); // it is awaited below
  let longestMs = 0;
  while (ms === 0) {
    const beganMs = performance.now();
    await yard();
    const yardMs = performance.now() - beganMs;
    longestMs = Math.max(longestMs, yardMs);
    await Promise.race([done, pause(PAUSE_PER_YARD * yardMs)]).catch(() => {});
  }
  return { value: await done, ms, slackMs: YARDS * longestMs };
}

export async function timed<T>(work: Promise<T>): Promise<{ value: T; ms: number }> {
  const startMs = performance.now();
  const value = await work;
  return { value, ms: performance.now() - startMs };
}

/** A verb that needs nobody: the yard of verbs. */
export async function verb(): Promise<void> {
  const child = spawn(process.execPath, [BIN, '--version'], { stdio: 'ignore' });
  await once(child, 'exit');
}

/** A request to a server in this very process: the yard of requests to one that is here too. */
export async function request(): Promise<void> {
  const server = createServer((_, response) => response.end('here'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await (await fetch(`http://127.0.0.1:${port}`)).text();
  server.closeAllConnections();
  server.close();
}
