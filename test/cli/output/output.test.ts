import { describe, expect, test } from 'vitest';
import { createOutput } from '../../../src/cli/output/output.ts';
import { paints } from '../../../src/cli/output/paints.ts';
import { listening } from '../../helpers/run-here.ts';

type Color = Parameters<typeof createOutput>[2];

/** An output, and what it printed and said. */
function outputTo({ isTTY = false, color = 'never' as Color } = {}) {
  const [stdout, stderr] = [Object.assign(listening(), { isTTY }), listening()];
  const streams = [stdout, stderr] as unknown as NodeJS.WriteStream[];
  const [out, err] = streams as [NodeJS.WriteStream, NodeJS.WriteStream];
  const output = createOutput(out, err, color, paints);
  return {
    output,
    stdout,
    printed: () => stdout.heard().toString(),
    said: () => stderr.heard().toString(),
  };
}

describe('a table', () => {
  const rows = [
    [{ text: 'abc234' }, { text: 'up', tone: 'good' as const }, { text: 'last' }],
    [{ text: 'x' }, { text: 'draining' }, { text: '' }],
  ];

  test('has its columns side by side, two blanks apart, and nothing behind the last', async () => {
    const { output, printed } = outputTo();
    await output.table(['ID', 'STATE', 'WHY'], rows);
    expect(printed()).toBe(
      ['ID      STATE     WHY', 'abc234  up        last', 'x       draining', ''].join('\n'),
    );
  });

  test('is as wide in colour, which stands only where a terminal or --color asks for it', async () => {
    const colored = outputTo({ color: 'always' });
    await colored.output.table(['ID', 'STATE', 'WHY'], rows);
    expect(colored.printed()).toContain('\u001b[32mup\u001b[39m');
    const plainly = outputTo({ color: 'auto' });
    await plainly.output.table(['ID', 'STATE', 'WHY'], rows);
    const withoutColor = colored.printed().replace(/\u001b\[\d+m/g, '');
    expect(withoutColor).toBe(plainly.printed());
  });

  test('shows control characters of a cell by their codes, and counts those as wide', async () => {
    const { output, printed } = outputTo();
    await output.table(['A', 'B'], [[{ text: '\u001b' }, { text: 'b' }]]);
    expect(printed()).toBe('A       B\n\\u001b  b\n');
  });
});

describe('a table with characters of two columns', () => {
  test('has its columns side by side on a terminal', async () => {
    const { output, printed } = outputTo();
    const rows = [
      [{ text: '猫カフェ.js' }, { text: 'up' }],
      [{ text: 'cat.js' }, { text: 'up' }],
    ];
    await output.table(['APP', 'STATE'], rows);
    // Four characters of two columns, and three of one.
    expect(printed()).toBe('APP          STATE\n猫カフェ.js  up\ncat.js       up\n');
  });
});

describe('a line of data', () => {
  test('is as it is into a pipe, and without control characters on a terminal', () => {
    const pipe = outputTo();
    pipe.output.line('\u001b[31mred');
    expect(pipe.printed()).toBe('\u001b[31mred\n');
    const terminal = outputTo({ isTTY: true });
    terminal.output.line('\u001b[31mred');
    expect(terminal.printed()).toBe('\\u001b[31mred\n');
  });

  test('with a name in front keeps its tabs as blanks on a terminal', async () => {
    const terminal = outputTo({ isTTY: true });
    (await terminal.output.labelled())('abc234', 'a\tb');
    expect(terminal.printed()).toBe('abc234 a    b\n');
  });

  test('is not printed any more once its reader has gone, which is no failure', async () => {
    const { output, stdout, printed } = outputTo();
    output.line('one');
    stdout.emit('error', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    output.line('two');
    expect(output.isUnread()).toBe(true);
    expect(printed()).toBe('one\n');
    await expect(output.flush()).resolves.toBeUndefined();
  });

  test('that could not be written is a failure at the end, with its reason', async () => {
    const { output, stdout } = outputTo();
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), {
      code: 'ENOSPC',
      syscall: 'write',
    });
    stdout.emit('error', full);
    await expect(output.flush()).rejects.toMatchObject({
      message: 'cannot write to stdout: no space left on device',
      exitCode: 1,
    });
  });
});

test('what is said goes to stderr, and JSON to stdout on one line', () => {
  const { output, printed, said } = outputTo();
  output.talk('a word');
  output.json({ a: [1] });
  expect([printed(), said()]).toEqual(['{"a":[1]}\n', 'a word\n']);
});
