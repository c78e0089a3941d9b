import { type ExitCode, exitCodes, type MeowError } from '../../errors.ts';
import type { DoorRecord } from '../../model/door-record.ts';
import { plain } from '../../text.ts';
import type { Output } from './output.ts';
import { report } from './usage-error.ts';

interface EndOfRun {
  readonly output: Output;
  exitWith(code: ExitCode): void;
}

/**
 * Several things were tried and some failed: each is told once, and the first decides the exit code.
 * @param summary how far it got, said last when there was more than one
 */
export function tellFailures(
  failed: readonly MeowError[],
  { output, exitWith }: EndOfRun,
  summary: string,
): void {
  const [first] = failed;
  if (!first) return;
  const told = new Map(failed.map((error) => [error.message, error]));
  for (const error of told.values()) report(error, output, false);
  if (failed.length > 1) output.talk(`meowctl: ${summary}`);
  exitWith(first.exitCode ?? exitCodes.failed);
}

/** What doors have seen servers die of. */
export function tellPoison(doors: readonly DoorRecord[], output: Output): void {
  const named = new Set(doors.flatMap(({ poison = [] }) => poison));
  for (const target of named) {
    output.talk(
      `${plain(target)} is poison: servers die of it, so it is tried once each time, not again`,
    );
  }
}
