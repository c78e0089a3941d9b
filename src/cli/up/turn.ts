import { defaults } from '../../defaults.ts';
import { FailedError } from '../../errors.ts';
import type { UpTaken } from '../../fleet/up/single-up.ts';
import type { Context } from '../context/context.ts';
import { report } from '../output/usage-error.ts';

/** Whether this process is the one `up` of its state folder: it may have to wait for its turn, and gives it away. */
export class Turn {
  /** Aborted when it is to end: it is told to, or another machine has the folder. */
  readonly ending: AbortSignal;
  readonly #context: Context;
  readonly #stopping: AbortSignal;
  readonly #lost = new AbortController();
  #taken: UpTaken | null = null;

  constructor(context: Context, stopping: AbortSignal) {
    this.#context = context;
    this.#stopping = stopping;
    this.ending = AbortSignal.any([stopping, this.#lost.signal]);
  }

  /**
   * Nothing where it has it already.
   * @throws FailedError where another has it
   */
  async take(): Promise<void> {
    if (this.#taken) return;
    const { config, output } = this.#context;
    const [{ takeUp }, { thisMachine }] = await Promise.all([
      import('../../fleet/up/single-up.ts'),
      import('../../process/identity.ts'),
    ]);
    const options = { signal: this.#stopping, log: output.talk, settings: defaults };
    const taken = await takeUp(config.home, thisMachine(config.home), options);
    this.#taken = taken;
    void taken.lost.then((error) => {
      report(error, output, false);
      this.#context.exitWith(error.exitCode);
      this.#lost.abort();
    });
  }

  /**
   * The same, where it was let go.
   * @returns false where another has it
   * @throws FailedError where the folder can hold no lock now
   */
  async takeBack(): Promise<boolean> {
    try {
      await this.take();
      return true;
    } catch (error) {
      if (!(error instanceof FailedError) || error.code !== 'already-up') throw error;
      return false;
    }
  }

  async release(): Promise<void> {
    const taken = this.#taken;
    this.#taken = null;
    await taken?.release();
  }
}
