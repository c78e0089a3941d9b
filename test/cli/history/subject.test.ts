import { describe, expect, test } from 'vitest';
import { type Subject, toRequest, toSubject } from '../../../src/cli/history/subject.ts';
import { UsageError } from '../../../src/errors.ts';

const NOW = new Date(2026, 2, 1, 14, 30, 0).getTime();
const at = (day: number, ...time: [number, number, number]) =>
  new Date(2026, 2, day, ...time).getTime();

const subjects: readonly (readonly [text: string, subject: Subject])[] = [
  ['k3x9ab', { kind: 'server', id: 'k3x9ab' }],
  ['222222', { kind: 'server', id: '222222' }],
  ['3001', { kind: 'port', port: 3001 }],
  ['1', { kind: 'port', port: 1 }],
  ['65535', { kind: 'port', port: 65_535 }],
  ['14:03', { kind: 'time', from: at(1, 14, 3, 0), to: at(1, 14, 4, 0) }],
  ['9:05', { kind: 'time', from: at(1, 9, 5, 0), to: at(1, 9, 6, 0) }],
  ['14:03:07', { kind: 'time', from: at(1, 14, 3, 2), to: at(1, 14, 3, 13) }],
  ['14:30', { kind: 'time', from: at(1, 14, 30, 0), to: at(1, 14, 31, 0) }],
  ['23:59', { kind: 'time', from: at(0, 23, 59, 0), to: at(1, 0, 0, 0) }],
  ['AbC-1_2.3', { kind: 'request', id: 'AbC-1_2.3' }],
  ['k3x9ab1', { kind: 'request', id: 'k3x9ab1' }],
  ['100000', { kind: 'request', id: '100000' }],
];

describe('what `why` is asked about', () => {
  test.each(subjects)(
    '%s is a server, a port, a time of day or a request, in that order',
    (text, subject) => {
      expect(toSubject(text, NOW)).toEqual(subject);
    },
  );

  test('is a request where that is asked for, whatever it looks like', () => {
    for (const id of ['k3x9ab', '3001', '14:03']) {
      expect(toRequest(id)).toEqual({ kind: 'request', id });
    }
  });

  test.each([
    ...[
      '0',
      '65536',
      '99999',
      '24:00',
      '14:60',
      '14:03:60',
      '',
      ' ',
      ' 3001',
      'a b',
      'ä',
      '\u001b[31m',
    ],
    ...['a'.repeat(129), '３００１', '<script>', '"'],
  ])('cannot be %o', (text) => {
    expect(() => toSubject(text, NOW)).toThrow(UsageError);
  });
});
