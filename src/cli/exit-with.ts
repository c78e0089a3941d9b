import { type ExitCode, exitCodes } from '../errors.ts';

const UNFINISHED = `meowctl: it ended before it was done: it waited for what could not come any more
  That is a mistake in meowctl: please report it with the command line
`;

/**
 * Ends the process, once nothing is left open, with the code that its work comes to. Node ends one whose
 * work waits for nothing that is open as if all were well.
 */
export function exitWith(proc: NodeJS.Process, work: Promise<ExitCode>): void {
  const unfinished = () => {
    proc.exitCode = exitCodes.failed;
    proc.stderr.write(UNFINISHED);
  };
  proc.once('beforeExit', unfinished);
  void work.then((code) => {
    proc.off('beforeExit', unfinished);
    proc.exitCode = code;
  });
}
