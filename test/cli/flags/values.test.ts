import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as values from '../../../src/cli/flags/values.ts';
import { UsageError } from '../../../src/errors.ts';

type Reader = (text: string) => unknown;

describe('the value of a flag is read', () => {
  test.each<[string, Reader, string, unknown]>([
    ['a port', values.port, '65535', 65_535],
    ['a count', values.count, '4', 4],
    ['a number of servers that may be none', values.size, '0', 0],
    ['a number of lines that may be none', values.lines, '0', 0],
    ['a time to live', values.ttl, '60', 60],
    ['a limit', values.limit, '1000', 1_000],
    ['as many threads as HAProxy takes', values.threads, '64', 64],
    ['a header size', values.headerBytes, '16384', 16_384],
    ['seconds as milliseconds', values.seconds, '30', 30_000],
    ['parts of a second', values.seconds, '0.25', 250],
    ['no time at all', values.seconds, '0', 0],
    ['the longest time', values.seconds, '86400', 86_400_000],
    ['a stretch of seconds', values.duration, '90s', 90_000],
    ['a stretch of minutes', values.duration, '10m', 600_000],
    ['a stretch of hours', values.duration, '2h', 7_200_000],
    ['a stretch of days', values.duration, '7d', 604_800_000],
    ['a key', values.messageKey, 'a.b_c-D9', 'a.b_c-D9'],
    ['an empty message', values.message, '', ''],
    ['a host name', values.host, 'web-1.internal', 'web-1.internal'],
    ['an IPv6 address', values.host, '::1', '::1'],
    ['a server id', values.serverId, 'abc234', 'abc234'],
    ['a status range', values.statusRange, '200-399', [200, 399]],
    ['one status', values.statusRange, '204', [204, 204]],
    ['a retry policy', values.retryPolicy, 'connect', 'connect'],
    ['a signal by its whole name', values.drainSignal, 'SIGUSR1', 'SIGUSR1'],
    ['a signal by its short name', values.drainSignal, 'HUP', 'SIGHUP'],
    ['a way to balance', values.balance, 'least-inflight', 'least-inflight'],
  ])('as %s', (_what, read, text, value) => {
    expect(read(text)).toEqual(value);
  });

  test('one host name after the other, without scheme and port', () => {
    expect(values.hostName('ops.example', ['a'])).toEqual(['a', 'ops.example']);
    for (const text of ['http://ops', 'ops:3900', '', '-x', 'a b', '[::1]', '*']) {
      expect(() => values.hostName(text)).toThrow(UsageError);
    }
  });

  test('one id after the other', () => {
    expect(values.ids('abc234', ['xyz789'])).toEqual(['xyz789', 'abc234']);
  });
});

const readers: readonly [string, Reader, ...string[]][] = [
  ['port', values.port, '0', '65536', '-1', '3e3', '0x50', ' 80', '80 ', '８０', ''],
  ['count', values.count, '0', '501', '1.5', 'many', './app.mjs'],
  ['number of servers', values.size, '-1', '501', 'all'],
  ['number of lines', values.lines, '-1', '1.5', '1000001'],
  ['ttl', values.ttl, '0', '86401', '1m'],
  ['limit', values.limit, '0', '1000001'],
  ['number of threads', values.threads, '0', '65', 'cores'],
  ['size', values.headerBytes, '1023', '131073', '16k'],
  ['time', values.seconds, '86400.001', '-1', '1e3', '.5', '1.2345', 'soon'],
  ['time', values.duration, '10', 's', '1w', '1.5h', '-1s', '1000000s'],
  ['server', values.ids, 'abc', 'ABC234', 'abc23410', '../../x'],
  ['key', values.messageKey, '', 'a b', '../x', 'x'.repeat(65)],
  ['host', values.host, '', 'a b', '-x', '\u001b[31m', 'x'.repeat(256)],
  ['id', values.serverId, 'abc', 'abc1o0', ''],
  ['status', values.statusRange, '99', '399-200', '200-600', '2xx', ''],
  ['retry', values.retryPolicy, '', 'never', 'CONNECT'],
  ['signal', values.drainSignal, 'SIGKILL', 'SIGTERM', 'usr2', ''],
  ['balance', values.balance, '', 'random'],
];
const slips = readers.flatMap(([name, read, ...texts]) =>
  texts.map((text) => [name, text, read] as const),
);

/** What was thrown for it. */
function refusalOf(read: Reader, text: string): unknown {
  try {
    return { read: read(text) };
  } catch (error) {
    return error;
  }
}

describe('a slip in the value of a flag', () => {
  test.each(slips)('is refused as %s %j, with a remedy', (name, text, read) => {
    const error = refusalOf(read, text) as UsageError;
    expect(error).toBeInstanceOf(UsageError);
    expect(error.exitCode).toBe(2);
    expect(error.message).toMatch(new RegExp(`\\b${name}\\b`));
    expect(error.remedy).toMatch(/^[A-Z].{10}/);
  });

  test('is a value or a usage error, whatever is typed, and no control character comes back', () => {
    const typed = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.stringMatching(/^[0-9a-z./:-]{0,12}$/),
    );
    fc.assert(
      fc.property(typed, fc.constantFrom(...readers), (text, [, read]) => {
        const found = refusalOf(read, text);
        if (!(found instanceof Error)) return;
        expect(found).toBeInstanceOf(UsageError);
        expect(found.message + (found as UsageError).remedy).not.toMatch(/[\u0000-\u001f\u007f]/);
      }),
      { numRuns: 1_000 },
    );
  });

  test('where a module or a program stands in the place of a number, it says where that goes', () => {
    expect(refusalOf(values.count, './app.mjs')).toMatchObject({
      remedy: expect.stringMatching(/--app \.\/app\.mjs.*meowctl spawn -- node \.\/app\.mjs/),
    });
    expect(refusalOf(values.size, 'site.py')).toMatchObject({
      remedy: expect.stringContaining('meowctl spawn -- python3 site.py'),
    });
    expect(refusalOf(values.count, 'app')).toMatchObject({
      remedy: expect.stringContaining('a module goes after --app, a program after --'),
    });
  });
});
