import { beforeEnd } from '../../process/last-act.ts';
import { stopOurselves } from '../../process/terminate.ts';

/** What is to be told of what happens to a process that has the terminal. */
export interface Interruptible {
  leave(): void;
  enter(): void;
  redraw(): void;
}

/**
 * Gives the terminal back before the process stops (Ctrl-Z) or ends in whatever way it may still act
 * on, and takes it again when it goes on.
 * @returns `suspend` as Ctrl-Z does it, and `end` for when the terminal has been left
 */
export function watchInterruptions(
  proc: NodeJS.Process,
  screen: Interruptible,
): { suspend(): void; end(): void } {
  const stop = (whole: boolean) => {
    screen.leave();
    proc.off('SIGTSTP', stopAlone);
    stopOurselves(whole);
    // Here it goes on, whether it was stopped or nobody would have let it go on again.
    proc.on('SIGTSTP', stopAlone);
    screen.enter();
    screen.redraw();
  };
  const stopAlone = () => stop(false);
  // After a SIGSTOP, which nobody hears, a shell has had the terminal.
  const again = () => {
    screen.leave();
    screen.enter();
    screen.redraw();
  };
  const leave = () => screen.leave();
  proc.on('SIGTSTP', stopAlone);
  proc.on('SIGCONT', again);
  proc.on('exit', leave);
  const unheard = beforeEnd(proc, leave);
  return {
    suspend: () => stop(true),
    end() {
      proc.off('SIGTSTP', stopAlone);
      proc.off('SIGCONT', again);
      proc.off('exit', leave);
      unheard();
    },
  };
}
