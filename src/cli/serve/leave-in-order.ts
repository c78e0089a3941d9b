import type { RunningServer } from '../../server/options.ts';

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/**
 * From the moment it registers a server leaves in order, also where it does not serve yet; before,
 * a signal ends it at once.
 */
export function leaveInOrder(proc: NodeJS.Process, drainMs: number) {
  let asked = 0;
  let server: RunningServer | null = null;
  // A second signal cuts what is left.
  const act = () => {
    if (asked > 0) void server?.retire(drainMs);
    if (asked > 1) server?.cut();
  };
  return {
    registers(): void {
      const onSignal = () => {
        asked += 1;
        act();
      };
      for (const signal of SIGNALS) proc.on(signal, onSignal);
    },
    serves(running: RunningServer): void {
      server = running;
      act();
    },
  };
}
