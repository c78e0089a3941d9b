import { CommanderError } from 'commander';
import { describe, expect, test } from 'vitest';
import { tellFailures, tellPoison } from '../../../src/cli/output/print-failures.ts';
import { report } from '../../../src/cli/output/usage-error.ts';
import { FailedError, NotReadyError, StoreError, UsageError } from '../../../src/errors.ts';
import { contextOf } from '../../helpers/run-here.ts';

function told(error: unknown, words: string[] = [], debug = false) {
  const { context, said } = contextOf(words, { MEOW_HOME: '/nowhere' });
  const code = report(error, context.output, debug, words);
  return { code, lines: said().trimEnd().split('\n') };
}

describe('an error is told', () => {
  test('in two lines, the value and the remedy, with the exit code of its kind', () => {
    expect(told(new UsageError('port "x" is not valid', 'Use another'))).toEqual({
      code: 2,
      lines: ['meowctl: port "x" is not valid', '  Use another'],
    });
    expect(told(new StoreError('unavailable', 'no Redis', 'Start one')).code).toBe(4);
    expect(told(new StoreError('full', 'no room', 'Make some')).code).toBe(1);
  });

  test('with the end of the log of a server that did not get ready', () => {
    const { code, lines } = told(new NotReadyError('not ready', 'Look', ['one', '\u001b[31mtwo']));
    expect(code).toBe(5);
    expect(lines.slice(2)).toEqual(['  | one', '  | \\u001b[31mtwo']);
  });

  test('of the system with what helps against it, without Node’s codes', () => {
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), {
      code: 'ENOSPC',
      syscall: 'write',
    });
    expect(told(full)).toEqual({
      code: 1,
      lines: ['meowctl: no space left on device', '  Make room on that disk'],
    });
  });

  test('that is a mistake of ours with its stack, without control characters', () => {
    const { code, lines } = told(new TypeError('x is not\u001b[31m a function'));
    expect(code).toBe(1);
    expect(lines.slice(0, 3)).toEqual([
      'meowctl: x is not\\u001b[31m a function',
      '  That is a mistake in meowctl: please report it with these lines',
      'TypeError: x is not\\u001b[31m a function',
    ]);
    expect(lines[3]).toMatch(/^ {4}at .*usage-error\.test\.ts:\d+/);
  });

  test('that we foresaw with its stack under --debug alone', () => {
    const failed = new FailedError('x', 'no room', 'Make some');
    expect(told(failed).lines).toHaveLength(2);
    expect(told(failed, [], true).lines.join('\n')).toMatch(/\n {4}at .*usage-error\.test\.ts/);
  });

  test('without control characters, and cut where it is far too long', () => {
    const { lines } = told(new FailedError('x', `\u001b${'y'.repeat(1_000)}`, 'Do'));
    expect(lines[0]).toMatch(/^meowctl: \\u001by+$/);
    expect(lines[0]?.length).toBe('meowctl: '.length + 400);
  });
});

describe('a command line that commander refuses is told in our words', () => {
  const refused = (code: string, message: string) => new CommanderError(1, code, message);
  test.each<[string, CommanderError, string[], string, string]>([
    [
      'an unknown flag, with the nearest',
      refused('commander.unknownOption', "error: unknown option '--prot'\n(Did you mean --port?)"),
      ['spawn', '--prot'],
      'unknown option "--prot"',
      'Did you mean --port?',
    ],
    [
      'a flag of another tool',
      refused('commander.unknownOption', "error: unknown option '-i'"),
      ['spawn', '-i', '4'],
      'unknown option "-i"',
      '`meowctl spawn 4`',
    ],
    [
      'a verb of another tool',
      refused('commander.unknownCommand', "error: unknown command 'ps'"),
      ['ps'],
      'unknown command "ps"',
      'Use `meowctl ls`',
    ],
    [
      'a program that does not stand behind --',
      refused('commander.unknownOption', "error: unknown option '-m'"),
      ['spawn', 'python3', '-m', 'http.server'],
      'unknown option "-m"',
      '`meowctl spawn -- python3 …`',
    ],
    [
      'a message of several words',
      refused('commander.excessArguments', 'error: too many arguments for "set"'),
      ['set', 'back', 'soon'],
      'too many arguments for "set"',
      'Quote a message of several words',
    ],
    [
      'anything else',
      refused('commander.missingArgument', "error: missing required argument 'message'"),
      ['set'],
      'missing required argument "message"',
      'See `meowctl set --help`',
    ],
  ])('%s', (_what, error, words, message, remedy) => {
    const { code, lines } = told(error, words);
    expect(code).toBe(2);
    expect(lines[0]).toBe(`meowctl: ${message}`);
    expect(lines[1]).toContain(remedy);
    expect(lines).toHaveLength(2);
  });

  test('but for help, which is no error', () => {
    expect(told(new CommanderError(0, 'commander.helpDisplayed', '')).code).toBe(0);
    expect(told(new CommanderError(1, 'commander.help', '')).code).toBe(2);
  });
});

describe('several failures', () => {
  test('are each told once, then how far it got; the first decides the exit code', () => {
    const { context, said } = contextOf([], { MEOW_HOME: '/nowhere' });
    const late = new NotReadyError('not ready', 'Look', []);
    const other = new FailedError('x', 'no port', 'Free one');
    tellFailures([late, late, other], context, '1 of 4 servers');
    expect(said().trimEnd().split('\n')).toEqual([
      'meowctl: not ready',
      '  Look',
      'meowctl: no port',
      '  Free one',
      'meowctl: 1 of 4 servers',
    ]);
    expect(context.exitCode()).toBe(5);
  });

  test('that are none say nothing', () => {
    const { context, said } = contextOf([], { MEOW_HOME: '/nowhere' });
    tellFailures([], context, 'all');
    expect([said(), context.exitCode()]).toEqual(['', 0]);
  });
});

test('what servers die of is said once, whichever doors saw it', () => {
  const { context, said } = contextOf([], { MEOW_HOME: '/nowhere' });
  const door = { id: 'd', url: 'u', host: 'h', pid: 1, roster: {}, poison: ['GET /a\u001b'] };
  tellPoison([door, door], context.output);
  expect(said()).toMatch(/^GET \/a\\u001b is poison: .*\n$/);
});
