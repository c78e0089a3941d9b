import { beforeEach, describe, expect, test } from 'vitest';
import { FullScreen } from '../../../src/cli/top/full-screen.ts';
import { listening } from '../../helpers/run-here.ts';

const line = (text: string) => [{ text }];

let news: () => string;
let screen: FullScreen;
let raw: boolean[];

beforeEach(() => {
  const stdout = Object.assign(listening(), { columns: 20, rows: 4 });
  let read = 0;
  raw = [];
  news = () => {
    const all = stdout.heard().toString();
    const fresh = all.slice(read);
    read = all.length;
    return fresh;
  };
  const stdin = { isTTY: true, setRawMode: (isRaw: boolean) => raw.push(isRaw) };
  screen = new FullScreen({
    stdin: stdin as unknown as NodeJS.ReadStream,
    stdout: stdout as unknown as NodeJS.WriteStream,
    paint: (text, tone) => (tone ? `<${text}>` : text),
    cutMark: '…',
  });
});

describe('a full screen', () => {
  test('is another one than the shell has, without a cursor, until it is left', () => {
    screen.enter();
    expect(news()).toBe('\u001b[?1049h\u001b[?25l\u001b[?7l\u001b[2J');
    screen.leave();
    screen.leave();
    expect(news()).toBe('\u001b[?7h\u001b[?25h\u001b[?1049l');
    expect(raw).toEqual([false, true, false]);
  });

  test('is not left by one who never entered it', () => {
    screen.leave();
    screen.draw([line('one')]);
    expect(news()).toBe('');
  });

  test('writes only rows that are not as they were', () => {
    screen.enter();
    screen.draw([line('one'), line('two'), line('three')]);
    news();
    screen.draw([line('one'), line('2'), line('three')]);
    expect(news()).toBe('\u001b[?2026h\u001b[2;1H2\u001b[K\u001b[4;1H\u001b[?2026l');
    screen.draw([line('one'), line('2'), line('three')]);
    expect(news()).toBe('');
  });

  test('is drawn as a whole after somebody else had it, without entering it twice', () => {
    screen.enter();
    screen.draw([line('one')]);
    news();
    screen.forget();
    screen.draw([line('one')]);
    const all = news();
    expect(all).toContain('\u001b[2J');
    expect(all).toContain('\u001b[1;1Hone');
    expect(all).not.toContain('1049');
  });

  test('cuts lines before its last column, and those that there are no rows for', () => {
    screen.enter();
    news();
    screen.draw([
      line('0123456789012345678'),
      [...line('01234567890123'), { text: 'painted', tone: 'bad' }],
      [],
      [],
      line('fifth'),
    ]);
    const all = news();
    expect(all).toContain('\u001b[1;1H0123456789012345678\u001b[K');
    expect(all).toContain('\u001b[2;1H01234567890123<pain…>\u001b[K');
    expect(all).not.toContain('fifth');
  });
});
