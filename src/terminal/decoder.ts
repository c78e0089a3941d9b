import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { FailedError } from '../errors.ts';
import { quote } from '../text.ts';
import type { Frame } from './decode/bitmap.ts';
import type { Job } from './decode/frames.ts';
import type { Answer } from './decode/worker.ts';

export interface DecoderOptions {
  /** The file that the thread runs. */
  readonly file: string;
  /** How long one frame may take. */
  readonly frameMs: number;
  readonly signal: AbortSignal;
}

/** The thread's own objects; what pixels take is bounded by how many there may be. */
const LIMITS = { maxOldGenerationSizeMb: 256, stackSizeMb: 4 };

const instead = 'Save it as it is: meowctl meow -o cat.jpg';

/**
 * The frames of a picture, each decoded when it is asked for, in a thread that can be ended at any
 * moment.
 * @throws FailedError for a picture that is damaged or takes too long, and the signal's reason
 */
export async function* decodedFrames(job: Job, options: DecoderOptions): AsyncGenerator<Frame> {
  const worker = new Worker(options.file, { workerData: job, resourceLimits: LIMITS });
  try {
    for (;;) {
      const answer = await nextAnswer(worker, options);
      if ('problem' in answer) throw undrawable(answer.problem);
      if (answer.frame === null) return;
      yield answer.frame;
    }
  } finally {
    await worker.terminate();
  }
}

/** Asks once, and hears once: the answer, the thread's end, Ctrl-C, or that it takes too long. */
async function nextAnswer(worker: Worker, options: DecoderOptions): Promise<Answer> {
  const { frameMs, signal } = options;
  signal.throwIfAborted();
  const late = AbortSignal.timeout(frameMs);
  try {
    worker.postMessage('next');
    const [answer] = await once(worker, 'message', { signal: AbortSignal.any([signal, late]) });
    return answer as Answer;
  } catch (cause) {
    signal.throwIfAborted();
    if ((cause as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') throw notWhole(options.file);
    throw late.aborted ? tooLong(frameMs) : undrawable('is damaged', cause);
  }
}

function tooLong(frameMs: number): FailedError {
  return undrawable(`is not decoded after ${frameMs / 1_000} s`);
}

function notWhole(file: string): FailedError {
  const message = `its installation is not whole: ${quote(file)} is missing`;
  return new FailedError('not-whole', message, 'Run: npm install -g meowctl');
}

export function undrawable(why: string, cause?: unknown): FailedError {
  return new FailedError('cannot-draw', `the picture ${why}`, instead, { cause });
}
