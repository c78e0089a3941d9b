import type { Command } from 'commander';
import { defaults } from '../../defaults.ts';
import type { AppSpec } from '../../model/app-spec.ts';
import { drainSignal, seconds } from './values.ts';

/** How an app is told to end. */
export interface LeaveFlags {
  readonly drainSignal?: string;
  readonly killTimeout?: number;
}

/** The flags that say how an app leaves; `leaveSettings` reads them back. */
export function addLeaveFlags(command: Command): Command {
  return command
    .option(
      '--drain-signal <signal>',
      'tell the app so when its server begins to leave, before SIGTERM, such as SIGUSR2',
      drainSignal,
    )
    .option(
      '--kill-timeout <seconds>',
      `how long the app has from SIGTERM to SIGKILL (default: ${defaults.termGraceMs / 1_000} s)`,
      seconds,
    );
}

export function leaveSettings(flags: LeaveFlags): Pick<AppSpec, 'drainSignal' | 'killMs'> {
  const { drainSignal: signal, killTimeout: killMs } = flags;
  return {
    ...(signal === undefined ? {} : { drainSignal: signal }),
    ...(killMs === undefined || killMs === defaults.termGraceMs ? {} : { killMs }),
  };
}
