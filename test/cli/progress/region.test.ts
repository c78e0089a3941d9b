import { beforeEach, describe, expect, test } from 'vitest';
import { Region } from '../../../src/cli/progress/region.ts';
import { textWidth } from '../../../src/text-width.ts';
import { listening } from '../../helpers/run-here.ts';

const line = (text: string) => [{ text }];

/** A terminal of so many columns, and what was written to it since it was last read. */
function terminal(columns: number) {
  const stream = Object.assign(listening(), { columns, rows: 24 });
  let read = 0;
  return {
    stream,
    news() {
      const all = stream.heard().toString();
      const fresh = all.slice(read);
      read = all.length;
      return fresh;
    },
  };
}

let screen: ReturnType<typeof terminal>;
let region: Region;

beforeEach(() => {
  screen = terminal(20);
  const stream = screen.stream as unknown as NodeJS.WriteStream;
  region = new Region({ stream, paint: (text) => text, cutMark: '…' });
});

const lines = (text: string) => text.replace(/\u001b\[\??\d*[A-Za-z]|\r/g, '').split('\n');

describe('lines at the end of a terminal', () => {
  test('are written over the ones before, without a way to break a row in between', () => {
    region.show([line('one'), line('two')]);
    expect(screen.news()).toBe('\u001b[?7l\rone\u001b[K\ntwo\u001b[K\n\u001b[J\u001b[?7h');
    region.show([line('three')]);
    expect(screen.news()).toBe('\u001b[?7l\r\u001b[2Athree\u001b[K\n\u001b[J\u001b[?7h');
  });

  test('are cut before the last column', () => {
    region.show([line('a line of thirty characters: 30')]);
    const [first = ''] = lines(screen.news());
    expect(first).toBe('a line of thirty c…');
    expect(textWidth(first)).toBe(19);
  });

  test('take up more rows once the terminal is narrower, which counts on the way back', () => {
    region.show([line('nineteen columns :)'), line('short')]);
    screen.news();
    screen.stream.columns = 10;
    region.show([line('now')]);
    expect(screen.news()).toContain('\u001b[3Anow');
  });

  test('make room for what is said meanwhile, and stand below it again', () => {
    region.show([line('one')]);
    screen.news();
    region.around(() => screen.stream.write('a log line\n'));
    expect(screen.news()).toBe(
      '\r\u001b[1A\u001b[Ja log line\n\u001b[?7l\rone\u001b[K\n\u001b[J\u001b[?7h',
    );
  });

  test('stay where they are when they are left, the others below them', () => {
    region.show([line('one'), line('two')]);
    screen.news();
    region.leave([line('one')], [line('two')]);
    expect(lines(screen.news())).toEqual(['one', 'two', '']);
    region.show([line('2')]);
    expect(screen.news()).toContain('\u001b[1A2');
  });

  test('are written anew after somebody else had the terminal', () => {
    region.show([line('one')]);
    screen.news();
    region.forget();
    region.show([line('one')]);
    expect(screen.news()).not.toContain('A');
  });
});
