import { createEventParser, type StreamEvent } from '../../overview/event-stream.ts';
import { type Api, Refused } from './api.ts';

/** Who hears of it. */
export interface Listener {
  onEvent(event: StreamEvent): void;
  /** The stream is open. */
  onOpen(): void;
  /** It is not, or no more; `why` where the door said so. */
  onLost(why: string | null): void;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;
/** The door sends something each second: one that is silent for so long is asked anew. */
const SILENCE_MS = 10_000;

/** Follows the door's events until the page is left, and begins anew whenever they end. */
export async function follow(api: Api, listener: Listener): Promise<never> {
  for (let failures = 0; ; failures++) {
    try {
      await read(api, {
        ...listener,
        onEvent(event) {
          failures = 0;
          listener.onEvent(event);
        },
      });
      listener.onLost(null);
    } catch (error) {
      listener.onLost(error instanceof Refused ? error.message : null);
      // Without the token that it refused, the door may well answer.
      if (error instanceof Refused && error.status === 401 && failures === 0) continue;
    }
    await pause(pauseAfter(failures));
  }
}

async function read(api: Api, { onEvent, onOpen }: Listener): Promise<void> {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENCE_MS);
  try {
    const { body } = await api.open('/events', 'text/event-stream', silence.signal);
    if (!body) return;
    onOpen();
    const parser = createEventParser();
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE_MS);
      for (const event of parser.push(value)) onEvent(event);
    }
  } finally {
    clearTimeout(timer);
    silence.abort();
  }
}

/** Twice as long each time, and never all pages of a door at once. */
function pauseAfter(failures: number): number {
  const whole = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures);
  return whole * (0.5 + Math.random() / 2);
}

/** Ends early when the page is looked at again, or the network is back. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', done);
      removeEventListener('online', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    document.addEventListener('visibilitychange', done);
    addEventListener('online', done);
  });
}
