import { afterEach, describe, expect, test } from 'vitest';
import { debug, debugTo } from '../src/debug.ts';
import { readSettings } from '../src/settings.ts';

afterEach(() => debugTo([], 0, () => {}));

describe('MEOW_DEBUG', () => {
  test.each([
    ['', []],
    ['proxy', ['proxy']],
    [' fleet, proxy,', ['proxy', 'fleet']],
    ['store,store', ['store']],
    ['*', ['proxy', 'store', 'fleet']],
  ])('%j names the sections %j', (value, sections) => {
    expect(readSettings({ MEOW_DEBUG: value }).debug).toEqual(sections);
  });

  test('that names no section is refused with those there are', () => {
    expect(() => readSettings({ MEOW_DEBUG: 'proxy,prosy' })).toThrow(
      expect.objectContaining({
        message: 'MEOW_DEBUG "prosy" is no section',
        remedy: 'Use some of proxy, store, fleet, with commas, or *',
      }),
    );
  });
});

describe('what is told of the inside', () => {
  test('is not even put into words while nobody asked for it', () => {
    let made = 0;
    const text = () => {
      made += 1;
      return 'made';
    };
    debug.store?.(text());
    expect([debug, made]).toEqual([{ proxy: null, store: null, fleet: null }, 0]);
  });

  test('is a line with time, section and pid, of the sections asked for alone', () => {
    const lines: string[] = [];
    debugTo(['store'], 4_711, (line) => lines.push(line));
    debug.proxy?.('not this');
    debug.store?.('connected');
    expect(lines).toEqual([
      expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]{12}Z STORE 4711: connected\n$/),
    ]);
  });
});
