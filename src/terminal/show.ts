import { setTimeout as pause, setImmediate } from 'node:timers/promises';
import type { Frame } from './decode/bitmap.ts';
import { undrawable } from './decoder.ts';
import type { Drawing } from './screen.ts';

/** What a drawing is written to. */
export interface Paper {
  readonly isTerminal: boolean;
  /** Resolves when it has left. */
  write(text: string): Promise<void>;
  readonly signal: AbortSignal;
}

/** So much at a time: Ctrl-C is heard between two of them. */
const SLICE = 64 * 1_024;

/** Shows a picture, and leaves the cursor under it. */
export async function showStill(drawing: Drawing, paper: Paper): Promise<void> {
  const isPlain = drawing.isText || !paper.isTerminal;
  const text = isPlain ? drawing.text : madeRoom(drawing) + inPlace(drawing);
  await writeSlices(isPlain ? `${text}\n` : text, drawing, paper);
}

/**
 * Shows frames over each other, each for its time, once. A film that goes on for longer than `maxMs`
 * ends with the frame that it has come to; into a file goes the first one alone.
 * @throws FailedError where there is none
 */
export async function showFrames(
  frames: AsyncGenerator<Frame>,
  draw: (frame: Frame) => Drawing,
  paper: Paper,
  maxMs: number,
): Promise<void> {
  try {
    const first = await frames.next();
    // Taken for drawn, it would be gone.
    if (first.done) throw undrawable('has nothing in it that can be seen');
    const second = paper.isTerminal ? await frames.next() : { done: true as const };
    if (second.done) return await showStill(draw(first.value), paper);
    await play(first.value, second.value, frames, draw, paper, maxMs);
  } finally {
    await frames.return(null);
  }
}

async function play(
  first: Frame,
  second: Frame,
  frames: AsyncGenerator<Frame>,
  draw: (frame: Frame) => Drawing,
  paper: Paper,
  maxMs: number,
): Promise<void> {
  const endMs = performance.now() + maxMs;
  const opening = draw(first);
  await writeSlices(madeRoom(opening) + inPlace(opening), opening, paper);
  let dueMs = performance.now() + first.delayMs;
  let next: IteratorResult<Frame> = { done: false, value: second };
  while (!next.done && dueMs < endMs) {
    await pause(Math.max(0, dueMs - performance.now()), null, paper);
    const { value } = next;
    const drawing = draw(value);
    const following = frames.next();
    following.catch(() => {}); // heard of below, unless this one fails before
    await writeSlices(inPlace(drawing), drawing, paper);
    dueMs = Math.max(dueMs, performance.now() - value.delayMs) + value.delayMs;
    next = await following;
  }
}

/** Lines of its own, so that nothing scrolls while it is drawn. */
function madeRoom({ rows }: Drawing): string {
  return '\n'.repeat(rows);
}

/** From below it and back: a shell that comes in between finds the cursor on a line of its own. */
function inPlace({ text, rows }: Drawing): string {
  return `\u001b[${rows}A\r\u001b7${text}\u001b8\u001b[${rows}B\r`;
}

async function writeSlices(text: string, { afterCut }: Drawing, paper: Paper): Promise<void> {
  for (let at = 0; at < text.length; at += SLICE) {
    await paper.write(text.slice(at, at + SLICE));
    await setImmediate();
    if (!paper.signal.aborted) continue;
    // The system forgets what it had not sent at Ctrl-C.
    await paper.write(`${afterCut}\n`);
    throw paper.signal.reason;
  }
}
