import type { Reporter, TestCase, TestModule } from 'vitest/node';

const WIDTHS = [40, 50, 56];
const verdicts = { passed: 'ok', failed: 'FAILED', skipped: 'skipped', pending: 'not run' };

/** Prints fault × expectation × measured once everything has run. */
export default class TableReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const all = modules.flatMap((module) => [...module.children.allTests()]);
    const tests = all.filter((each) => each.meta().chaos !== undefined);
    const rows = tests.map((each) => [each.name, ...words(each)]);
    const rule = WIDTHS.map((width) => '-'.repeat(width));
    const lines = [['fault', 'expectation', 'measured', ''], [...rule, '-------'], ...rows];
    process.stdout.write(`\n${lines.flatMap(wrap).join('\n')}\n`);
  }
}

function words(test: TestCase): string[] {
  const { expected = '', measured = '' } = test.meta().chaos ?? {};
  const { state, errors } = test.result();
  const why = errors?.[0]?.message.split('\n')[0];
  return [expected, why ?? measured, verdicts[state]];
}

/** One row as lines, each cell within its column. */
function wrap(row: readonly string[]): string[] {
  const columns = row.map((text, at) => fold(text, WIDTHS[at] ?? Number.POSITIVE_INFINITY));
  const height = Math.max(...columns.map(({ length }) => length));
  return Array.from({ length: height }, (_, line) =>
    columns
      .map((cell, at) => (cell[line] ?? '').padEnd(WIDTHS[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function fold(text: string, width: number): string[] {
  const lines: string[] = [''];
  for (const word of text.split(' ')) {
    const last = lines.at(-1) ?? '';
    if (last !== '' && last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return lines;
}
