import type { ChildProcess } from 'node:child_process';
import { hasEnded } from './terminate.ts';

/** Whoever wants to know asks at once. */
const KEPT_MS = 60_000;
/** From a process' end, which others may see first, to the moment its parent hears of it. */
const HEARD_WITHIN_MS = 500;

/** How the servers ended that this process started: the system tells nobody else. */
export class ChildEnds {
  readonly #ends = new Map<string, Promise<string>>();

  /** @param child the process of server `id` */
  watch(id: string, child: ChildProcess): void {
    const ended = new Promise<string>((resolve) => {
      const hear = (code: number | null, signal: string | null) => {
        resolve(endInWords(code, signal));
        setTimeout(() => this.#ends.delete(id), KEPT_MS).unref();
      };
      if (hasEnded(child)) hear(child.exitCode, child.signalCode);
      else child.once('exit', hear);
    });
    this.#ends.set(id, ended);
  }

  /** Of a server whose process is gone; null where it was started by somebody else. */
  async of(id: string): Promise<string | null> {
    const ended = this.#ends.get(id);
    if (!ended) return null;
    let timer: NodeJS.Timeout | undefined;
    const unheard = new Promise<null>((resolve) => {
      timer = setTimeout(() => resolve(null), HEARD_WITHIN_MS);
    });
    return Promise.race([ended, unheard]).finally(() => clearTimeout(timer));
  }
}

/** `ended with exit code 3`, `was ended by SIGKILL` */
export function endInWords(code: number | null, signal: string | null): string {
  return code === null ? `was ended by ${signal}` : `ended with exit code ${code}`;
}
