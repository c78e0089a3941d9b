import { expect, test } from 'vitest';
import { FrameTracker } from '../../../src/proxy/websocket/frames.ts';
import { build } from '../../helpers/web-sockets.ts';

test('frame boundaries are found however the bytes are cut', () => {
  const frames = [0, 1, 125, 126, 65_535, 65_536].map((size) => build(0x82, Buffer.alloc(size)));
  const all = Buffer.concat(frames);
  const ends = new Set<number>();
  let end = 0;
  for (const { length } of frames) {
    end += length;
    ends.add(end);
  }
  for (const step of [1, 3, 1_000, 70_000]) {
    const boundary = new FrameTracker();
    expect(boundary.reached).toBe(true);
    const found: number[] = [];
    for (let at = 0; at < all.length; at += step) {
      boundary.take(all.subarray(at, at + step));
      if (boundary.reached) found.push(Math.min(at + step, all.length));
    }
    const seen = (at: number) => at % step === 0 || at === all.length;
    expect(found).toEqual([...ends].filter(seen));
  }
});
