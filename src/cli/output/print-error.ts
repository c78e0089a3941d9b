import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type ExitCode, exitCodes, MeowError } from '../../errors.ts';
import { isMistake } from '../../expected-errors.ts';
import { errorInWords, plain, systemRemedy } from '../../text.ts';
import type { Output } from './output.ts';

const MAX_LINE = 400;

/**
 * Says what went wrong in two lines, the value and the remedy, and gives the exit code. A bug
 * of meowctl has no remedy but its stack.
 */
export function tell(error: unknown, output: Output, debug: boolean): ExitCode {
  const explanation = explain(error);
  output.talk(`meowctl: ${plain(explanation.message).slice(0, MAX_LINE)}`);
  output.talk(`  ${plain(explanation.remedy)}`);
  for (const line of details(error)) output.talk(`  | ${plain(line)}`);
  if (error instanceof Error && (debug || isMistake(error))) {
    for (const line of String(error.stack).split('\n')) output.talk(plain(line));
  }
  return explanation.exitCode;
}

/**
 * From now on a stack that nobody has read yet names files of src/, where the build has left what it
 * takes.
 */
export function nameSources(root: string): void {
  const file = join(root, 'dist', 'debug-stack.cjs');
  if (existsSync(file)) createRequire(file)(file);
}

function remedyOf(error: unknown): string {
  const known = systemRemedy(error);
  if (known !== null) return known;
  if (isMistake(error)) return 'That is a mistake in meowctl: please report it with these lines';
  return 'Run it again with --debug to see where';
}

type Explanation = Pick<MeowError, 'message' | 'remedy' | 'exitCode'>;

function explain(error: unknown): Explanation {
  if (error instanceof MeowError) return error;
  return { message: errorInWords(error), remedy: remedyOf(error), exitCode: exitCodes.failed };
}

function details(error: unknown): readonly string[] {
  const lines = (error as { logTail?: unknown } | null)?.logTail;
  return Array.isArray(lines) ? lines.map(String) : [];
}
