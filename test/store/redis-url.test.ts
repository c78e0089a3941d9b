import { describe, expect, test } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { maskRedisUrl, parseRedisUrl } from '../../src/store/redis-url.ts';

describe('a Redis address', () => {
  test.each([
    [
      'redis://localhost',
      { host: 'localhost', port: 6379, db: 0, tls: false, label: 'localhost:6379' },
    ],
    ['redis://h:7/2', { host: 'h', port: 7, db: 2, tls: false, label: 'h:7' }],
    [
      'rediss://u:p%40ss@h',
      { host: 'h', port: 6379, db: 0, tls: true, label: 'h:6379', username: 'u', password: 'p@ss' },
    ],
    [
      'redis://:p@[::1]:7',
      { host: '::1', port: 7, db: 0, tls: false, label: '[::1]:7', password: 'p' },
    ],
  ])('%s is understood', (url, address) => {
    expect(parseRedisUrl(url)).toEqual(address);
  });

  test.each([
    'foo',
    'http://h:1',
    'redis://h:99999',
    'redis://[::1',
    'redis://h/x',
    'redis://h:0',
    'redis://%zz@h',
  ])('%s is refused, with the setting named', (url) => {
    expect(() => parseRedisUrl(url)).toThrow(UsageError);
    expect(() => parseRedisUrl(url)).toThrow('REDIS_URL');
  });

  test('never shows its password', () => {
    expect(maskRedisUrl('redis://me:secret@h:1')).toBe('redis://:***@h:1');
    expect(() => parseRedisUrl('redis://me:secret@h:99999')).toThrow(/^(?!.*secret)/);
  });
});
