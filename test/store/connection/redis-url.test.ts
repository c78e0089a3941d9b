import fc from 'fast-check';
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
    [
      'redis+sentinel://u:p%40ss@h2:7,h1,[::1]:8/cats/3',
      {
        place: { sentinels: [at('h2', 7), at('h1', 26_379), at('::1', 8)], master: 'cats' },
        username: 'u',
        password: 'p@ss',
        db: 3,
        tls: false,
        label: 'cats@[::1]:8,h1:26379,h2:7',
      },
    ],
    [
      'rediss+sentinel://h/cats?db=2',
      {
        db: 2,
        tls: true,
        place: { sentinels: [at('h', 26_379)], master: 'cats' },
        label: 'cats@h:26379',
      },
    ],
    [
      'redis+cluster://:p@h2,h1:7',
      {
        ...tcp,
        place: { nodes: [at('h2', 6379), at('h1', 7)] },
        password: 'p',
        label: 'h1:7,h2:6379',
      },
    ],
    [
      'RedisS+Cluster://h/0',
      { db: 0, tls: true, place: { nodes: [at('h', 6379)] }, label: 'h:6379' },
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
    'redis+sentinel://h',
    'redis+sentinel://h/',
    'redis+sentinel://h/cats dogs',
    'redis+sentinel://h/cats/x',
    'redis+sentinel://h/cats/1/2',
    'redis+sentinel:///cats',
    'redis+sentinel://h,/cats',
    'redis+sentinel://h:0/cats',
    'redis+sentinel://h:99999/cats',
    'redis+sentinel://h:x/cats',
    'redis+sentinel://[::1/cats',
    'redis+sentinel://h:1:2/cats',
    'redis+sentinel://u:s@x@h/cats',
    'redis+sentinel://h/cats?ssl=1',
    'redis+sentinel://h/cats#1',
    'redis+sentinel:h/cats',
    'redis+cluster://',
    'redis+cluster://h/1',
    'redis+cluster://h?db=1',
    'redis+clusters://h',
    'redis-sentinel://h/cats',
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

  const secret = fc
    .string({ minLength: 6, maxLength: 20 })
    .filter((text) => /^[^?&#@:/]*$/.test(text));
  const hosts = fc.constantFrom('h', 'redis.internal', '127.0.0.1', '[::1]');

  test('gives back the user, password, host, port and database that it was made of', () => {
    const parts = fc.record({
      user: fc.string({ minLength: 1 }),
      password: fc.string(),
      host: hosts,
      port: fc.integer({ min: 1, max: 65_535 }),
      db: fc.integer({ min: 0, max: 99_999 }),
      tls: fc.boolean(),
    });
    fc.assert(
      fc.property(parts, ({ user, password, host, port, db, tls }) => {
        const who = [user, password].map(encodeURIComponent).join(':');
        const url = `${tls ? 'rediss' : 'redis'}://${who}@${host}:${port}/${db}`;
        expect(parseRedisUrl(url)).toEqual({
          place: at(host.replace(/[[\]]/g, ''), port),
          ...{ username: user, password, db, tls, label: `${host}:${port}` },
        });
      }),
    );
  });

  test('is an address or a usage error, whatever stands there', () => {
    const texts = fc.oneof(
      fc.string(),
      fc.webUrl(),
      fc
        .tuple(fc.constantFrom('redis:', 'unix:', '//', 'rediss://'), fc.string())
        .map(([a, b]) => a + b),
    );
    fc.assert(
      fc.property(texts, (text) => {
        try {
          parseRedisUrl(text);
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('never shows its password, whatever else is wrong with it', () => {
    const schemes = fc.constantFrom('redis://', 'rediss://', 'unix://', 'redis:/', 'x://', '');
    const rest = fc.constantFrom('h:1', 'h:99999', '/r.sock', 'r.sock', 'h/x', 'h#', 'h?db=1&db=2');
    fc.assert(
      fc.property(schemes, secret, rest, (scheme, password, rest) => {
        const written = encodeURIComponent(password);
        const url = `${scheme}me:${written}@${rest}`;
        expect(maskRedisUrl(url)).not.toContain(written);
        try {
          expect(JSON.stringify(parseRedisUrl(url).label)).not.toContain(written);
        } catch (error) {
          expect((error as UsageError).message).not.toContain(written);
        }
      }),
    );
  });

  test('is shown with user, password and unknown parameters masked', () => {
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
