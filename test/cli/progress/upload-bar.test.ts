import { expect, test } from 'vitest';
import { bytesInWords } from '../../../src/cli/progress/elapsed.ts';
import { signsFor } from '../../../src/cli/progress/marks.ts';
import type { Line } from '../../../src/cli/progress/region.ts';
import { UploadBar } from '../../../src/cli/progress/upload-bar.ts';
import { textWidth } from '../../../src/text-width.ts';

/** A bar on a terminal of so many columns, a clock for it, and what stands there. */
function barOn(columns: number, utf8 = true) {
  const state = { nowMs: 0, text: '' };
  const keep = ([line = []]: readonly Line[]) => {
    state.text = line.map(({ text }) => text).join('');
  };
  const screen = { room: 10, columns, show: keep, leave: keep };
  const all = { pictures: 4, bytes: 8_000_000 };
  return { state, bar: new UploadBar(screen, signsFor(utf8), () => state.nowMs, all) };
}

test('the bar of an upload fills by bytes, and says how many and how fast', () => {
  const { state, bar } = barOn(80);
  expect(state.text).toBe(`… ${'─'.repeat(30)}  0/4  0 B of 8.0 MB  0.0 s`);
  state.nowMs = 500;
  bar.add(2_000_000);
  expect(state.text).toBe(
    `… ${'━'.repeat(8)}${'─'.repeat(22)}  1/4  2.0 MB of 8.0 MB  4.0 MB/s  0.5 s`,
  );
  for (const bytes of [2_000_000, 2_000_000, 2_000_000]) bar.add(bytes);
  bar.close();
  expect(state.text).toBe(`✓ ${'━'.repeat(30)}  4/4  8.0 MB of 8.0 MB  16.0 MB/s  0.5 s`);
});

test('the bar of an upload is short on a narrow terminal, and ASCII where there is no more', () => {
  const { state, bar } = barOn(60, false);
  state.nowMs = 1_000;
  bar.add(4_000_000);
  expect(state.text).toBe('...  #######-------  1/4  4.0 MB of 8.0 MB  4.0 MB/s  1.0 s');
  expect(textWidth(state.text)).toBeLessThan(60);
});

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1_000, '1.0 kB'],
  [99_949, '99.9 kB'],
  [250_000, '250 kB'],
  [13_000_000, '13.0 MB'],
  [5_200_000_000_000, '5.2 TB'],
])('%i bytes are %s', (bytes, words) => {
  expect(bytesInWords(bytes)).toBe(words);
});
