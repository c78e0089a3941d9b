import { describe, expect, test } from 'vitest';
import { EventEnd } from '../../../src/proxy/exchange/event-end.ts';

describe.each(['\n', '\r', '\r\n'])('an event stream with lines that end in %j', (end) => {
  const events = ['data: 1', `id: 7${end}data: 2`, ': said to keep it open', 'data: 3'];
  const all = Buffer.from(events.map((event) => event + end + end).join(''));
  const ends = [0];
  for (let at = 1; at <= all.length; at += 1) {
    const before = all.subarray(0, at).toString();
    // Half of a CRLF ends a line as well, and its second half belongs to it.
    if (before.endsWith(end + end) || before.endsWith(`${end}\r`)) ends.push(at);
  }

  test.each([1, 2, 3, 5, 1_000])('may end between two, and nowhere else: pieces of %i', (step) => {
    for (let wanted = 0; wanted < all.length; wanted += 1) {
      const asked = Math.ceil(wanted / step) * step;
      const passed = passUntil(new EventEnd(), all, step, asked);
      expect(passed).toBe(ends.find((at) => at >= asked) ?? all.length);
    }
  });
});

/** Takes pieces of `step` bytes; from the first beyond `wanted` on it is to end. Gives where it did. */
function passUntil(stream: EventEnd, all: Buffer, step: number, wanted: number): number {
  let at = 0;
  for (; at < all.length; at += step) {
    if (at >= wanted && stream.soon(0, 1_000)) return at;
    const end = stream.take(all.subarray(at, at + step));
    if (end !== null) return at + end;
  }
  return all.length;
}

test('an event that does not end is not waited for longer than said', () => {
  const stream = new EventEnd();
  stream.take(Buffer.from('data: 1'));
  expect([0, 1_000, 1_001].map((nowMs) => stream.soon(nowMs, 1_000))).toEqual([false, false, true]);
});
