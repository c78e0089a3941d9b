import type { ChildProcess } from 'node:child_process';
import { Socket } from 'node:net';
import { exitCodes } from '../errors.ts';
import { type PreparedProcess, type Program, pipeTo, READY_FD, startDetached } from './launcher.ts';
import { hasEnded, stopChild } from './terminate.ts';

const GO_FD = 4;

/** A server's process that boots and then waits on fd 4, with nothing of it to be seen until then. */
export class Standby implements PreparedProcess {
  readonly id: string;
  readonly #child: ChildProcess;
  readonly #pipe: Socket | null;
  #goes = false;

  /** @throws FailedError when it cannot be started */
  constructor(id: string, program: Program) {
    this.id = id;
    this.#child = startDetached(program, 2);
    this.#pipe = pipeTo(this.#child, GO_FD);
    this.#pipe?.on('error', () => {}); // it ended meanwhile: whoever waits for its word hears of it
  }

  release(): ChildProcess | null {
    this.#goes = true;
    if (this.#child.pid === undefined || hasEnded(this.#child)) return null;
    this.#pipe?.end('go', () => this.#pipe?.destroy());
    return this.#child;
  }

  /** Ends it, unless it was released. */
  async discard(graceMs: number): Promise<void> {
    if (this.#goes) return;
    this.#goes = true;
    for (const fd of [READY_FD, GO_FD]) pipeTo(this.#child, fd)?.destroy();
    await stopChild(this.#child, graceMs);
  }
}

/** Resolves when whoever started this process lets it go on, and ends it when that one is gone. */
export function waitForRelease(proc: NodeJS.Process): Promise<void> {
  return new Promise((resolve) => {
    const pipe = new Socket({ fd: GO_FD });
    let goes = false;
    pipe.on('error', () => {});
    pipe.once('close', () => goes || proc.exit(exitCodes.failed));
    pipe.once('data', () => {
      goes = true;
      pipe.destroy();
      resolve();
    });
  });
}
