import { parentPort, workerData } from 'node:worker_threads';
import { type Frame, UndecodableError } from './bitmap.ts';
import { decodeFrames, type Job } from './frames.ts';

/* A thread of its own, a bundle of its own: what a picture does to its decoder ends with both. */

/** What it says for each time it is asked; null for the end. */
export type Answer = { readonly frame: Frame | null } | { readonly problem: string };

const frames = decodeFrames(workerData as Job);

parentPort?.on('message', () => void answer());

async function answer(): Promise<void> {
  try {
    const { value, done } = await frames.next();
    if (done) return parentPort?.postMessage({ frame: null } satisfies Answer);
    parentPort?.postMessage({ frame: value } satisfies Answer, [value.rgba.buffer as ArrayBuffer]);
  } catch (error) {
    const problem = error instanceof UndecodableError ? error.message : 'is damaged';
    parentPort?.postMessage({ problem } satisfies Answer);
  }
}
