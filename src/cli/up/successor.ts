import { dirname, join } from 'node:path';
import { defaults } from '../../defaults.ts';
import type { Helper } from '../../handover/pass-socket.ts';
import { startBeside } from '../../process/launcher.ts';
import { ownProgram } from '../../process/own-program.ts';
import { notifySystemd } from '../../process/system-commands.ts';
import type { Context } from '../context/context.ts';
import { splitProgram } from '../flags/app-flags.ts';

const TAKE_OVER = '--take-over';

/**
 * Starts this command line once more, from what is installed now, to take over.
 * @returns resolves once it has ended
 * @throws FailedError where it cannot be started
 */
export function startAnew({ config, process: proc, cliPath }: Context): Promise<void> {
  const { execPath, cliPath: file } = ownProgram(
    { execPath: proc.execPath, cliPath },
    config.childEnv,
    defaults.leastNode,
  );
  const { own, program } = splitProgram(proc.argv);
  const words = own.slice(2).filter((word) => word !== TAKE_OVER);
  return startBeside({
    command: execPath,
    args: [file, ...words, TAKE_OVER, ...(program ? ['--', ...program] : [])],
    // What it serves, where it was told by who put it into the background.
    env: { ...config.childEnv, ...(config.app === null ? {} : { MEOW_APP: config.app }) },
    cwd: proc.cwd(),
  });
}

/** What passes sockets on. */
export function helperOf({ process: proc, cliPath }: Context): Helper {
  return { execPath: proc.execPath, file: join(dirname(cliPath), '..', 'dist', 'pass-socket.cjs') };
}

/** Where this is a service of systemd: that it serves, and is the main process from now on. */
export async function tellSystemd({ config, process: proc, output }: Context): Promise<void> {
  if (!config.notifies) return;
  const why = await notifySystemd(proc.pid, config.childEnv);
  if (why !== null) output.talk(`meowctl: systemd was not told that this serves: ${why}`);
}
