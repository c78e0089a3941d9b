import { type ExitCode, exitCodes } from '../../errors.ts';
import type { Ending, RunningServer } from '../../server/options.ts';
import { onSignal } from '../context/signals.ts';

/** How its process ends then: a second signal has interrupted its leaving. */
export const exitOf: Readonly<Record<Ending, ExitCode>> = {
  retired: exitCodes.done,
  cut: exitCodes.interrupted,
  died: exitCodes.failed,
};

/**
 * From the moment it registers a server leaves in order, also where it does not serve yet; before,
 * a signal ends it at once.
 */
export function leaveInOrder(proc: NodeJS.Process, drainMs: number) {
  let asked = 0;
  let server: RunningServer | null = null;
  let by: string | undefined;
  // A second signal cuts what is left.
  const act = () => {
    if (asked > 0) void server?.retire(drainMs, by);
    if (asked > 1) server?.cut();
  };
  return {
    registers(): void {
      const again = (signal: NodeJS.Signals) => {
        asked += 1;
        by ??= signal;
        act();
      };
      onSignal(proc, 'stop', again, again);
    },
    serves(running: RunningServer): void {
      server = running;
      act();
    },
  };
}
