import { describe, expect, test } from 'vitest';
import { parseMessage, parseMessageKey } from '../../src/model/message.ts';

describe('the key of a message', () => {
  test.each(['message', 'a', 'A.b_c-9', 'x'.repeat(64)])('may be %s', (key) => {
    expect(parseMessageKey(key)).toEqual({ ok: key });
  });

  test.each(['', 'a b', 'a/b', 'ä', 'a:b', '{a}', 'a\n', 'x'.repeat(65)])(
    'may not be %j, and it is said what may',
    (key) => {
      expect(parseMessageKey(key)).toEqual({
        problem: '1 to 64 of the characters A-Z a-z 0-9 . _ -',
      });
    },
  );
});

describe('a message', () => {
  test('may take as many bytes as it is allowed, not characters', () => {
    expect(parseMessage('ää', 4)).toEqual({ ok: 'ää' });
    expect(parseMessage('ääa', 4)).toEqual({ problem: 'at most 4 bytes' });
  });

  test('may be empty', () => {
    expect(parseMessage('', 4)).toEqual({ ok: '' });
  });
});
