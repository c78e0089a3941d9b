import { describe, expect, test } from 'vitest';
import { UsageError } from '../../../src/errors.ts';
import { maskRedisUrl, parseRedisUrl } from '../../../src/store/connection/redis-url.ts';

describe('a Redis address', () => {
  const tcp = { db: 0, tls: false };
  test.each([
    ['redis://localhost', { ...tcp, place: at('localhost', 6379), label: 'localhost:6379' }],
    ['redis://h:7/2', { ...tcp, place: at('h', 7), db: 2, label: 'h:7' }],
    ['redis://h:7?db=3', { ...tcp, place: at('h', 7), db: 3, label: 'h:7' }],
    ['redis://h:7/3?db=03', { ...tcp, place: at('h', 7), db: 3, label: 'h:7' }],
    [
      'rediss://u:p%40ss@h',
      { place: at('h', 6379), db: 0, tls: true, label: 'h:6379', username: 'u', password: 'p@ss' },
    ],
    ['redis://u@h', { ...tcp, place: at('h', 6379), label: 'h:6379', username: 'u', password: '' }],
    ['redis://:p@[::1]:7', { ...tcp, place: at('::1', 7), label: '[::1]:7', password: 'p' }],
    ['unix:///run/r.sock', { ...tcp, place: { path: '/run/r.sock' }, label: '/run/r.sock' }],
    ['unix:/run/r.sock', { ...tcp, place: { path: '/run/r.sock' }, label: '/run/r.sock' }],
    [
      'redis+unix://u:p%40ss@/run/a%20b@c.sock?db=4',
      {
        place: { path: '/run/a b@c.sock' },
        username: 'u',
        password: 'p@ss',
        db: 4,
        tls: false,
        label: '/run/a b@c.sock',
      },
    ],
    ['UNIX://:p@/r', { place: { path: '/r' }, password: 'p', db: 0, tls: false, label: '/r' }],
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
    'redis://h?db=',
    'redis://h?db=x',
    'redis://h?db=-1',
    'redis://h/3?db=4',
    'redis://h?db=3&db=4',
    'redis://h?ssl=true',
    'redis://h?DB=3',
    'redis://h?sesame',
    'redis://h/#3',
    'unix://',
    'unix:r.sock',
    'unix://r.sock',
    'unix://./r.sock',
    'unix://h/run/r.sock',
    'unix:///run/%zz',
    'unix:///run/r%00.sock',
    'unix:///run/r#.sock',
    'unix:///run/r.sock?password=sesame',
    'redis+unix:///run/r.sock?db=x',
    `unix:///${'x'.repeat(107)}`,
    `unix:///${'\u00e4'.repeat(54)}`,
  ])('%s is refused, with the setting named', (url) => {
    expect(() => parseRedisUrl(url)).toThrow(UsageError);
    expect(() => parseRedisUrl(url)).toThrow(/^REDIS_URL (?!.*sesame.*=|.*=sesame)/);
  });

  test('a path is as long as a socket can have it', () => {
    expect(parseRedisUrl(`unix:///${'x'.repeat(106)}`).label).toHaveLength(107);
  });

  test('never shows its password', () => {
    expect(maskRedisUrl('redis://me:secret@h:1')).toBe('redis://:***@h:1');
    expect(maskRedisUrl('unix://me:secret@/r?db=3')).toBe('unix://:***@/r?db=3');
    expect(maskRedisUrl('redis://h?password=secret&db=3&x=1')).toBe(
      'redis://h?password=***&db=3&x=***',
    );
    expect(maskRedisUrl('redis://h?db=secret')).toBe('redis://h?db=***');
    expect(() => parseRedisUrl('redis://me:secret@h:99999')).toThrow(/^(?!.*secret)/);
  });
});

function at(host: string, port: number) {
  return { host, port };
}
