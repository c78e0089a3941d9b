import { exitCodes, type MeowError } from '../../errors.ts';
import type { Context } from '../context/context.ts';
import { report } from './report.ts';

/**
 * Several things were tried and some failed: each is told once, and the first decides the exit code.
 * @param summary how far it got, said last when there was more than one
 */
export function tellFailures(
  failed: readonly MeowError[],
  { output, exitWith }: Context,
  summary: string,
): void {
  const [first] = failed;
  if (!first) return;
  const told = new Map(failed.map((error) => [error.message, error]));
  for (const error of told.values()) report(error, output, false);
  if (failed.length > 1) output.talk(`meowctl: ${summary}`);
  exitWith(first.exitCode ?? exitCodes.failed);
}
