/** The last lines of a verb's help. */
export function examples(...lines: readonly string[]): string {
  const heading = lines.length > 1 ? 'Examples:' : 'Example:';
  return ['', heading, ...lines.map((line) => `  ${line}`)].join('\n');
}
