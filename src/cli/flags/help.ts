import type { Command } from 'commander';

/** The last lines of a verb's help. */
export function examples(...lines: readonly string[]): string {
  const heading = lines.length > 1 ? 'Examples:' : 'Example:';
  return ['', heading, ...lines.map((line) => `  ${line}`)].join('\n');
}

export interface OutputFlags {
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/**
 * `--json` and `-q`, for a verb that prints servers; output/print-rows.ts reads them back.
 * @param words what each prints
 */
export function addOutputFlags(command: Command, words: { json: string; quiet: string }): Command {
  return command
    .option('--json', `print ${words.json}`)
    .option('-q, --quiet', `print only ${words.quiet}`);
}
