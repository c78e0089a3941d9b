import type { IncomingMessage } from 'node:http';
import type { Overview } from '../../../model/overview.ts';
import { createEventParser } from '../../../overview/event-stream.ts';
import { parseOverview } from '../../../overview/parse-overview.ts';
import { afterAwake } from '../../../time/awake-timer.ts';

export interface StreamListener {
  onOverview(overview: Overview): void;
  /** Told once, however it ends. */
  onEnd(): void;
}

/** A door sends an overview each second: one that sends none for so long counts as gone, whatever else it sends. */
const SILENCE_MS = 5_000;
const HEALTH_MS = 1_000;
const MAX_HEALTH_BYTES = 10_000;
/** An overview of 1,000 servers has some 600 kB. */
const MAX_EVENT_BYTES = 16 * 1_024 * 1_024;

/** The id of the door whose admin listener that is; null where none answers. */
export async function doorAt(admin: string): Promise<string | null> {
  const { get } = await import('node:http');
  return new Promise((resolve) => {
    // In all: a stranger there may send a byte now and then, for ever.
    const signal = AbortSignal.timeout(HEALTH_MS);
    const request = get(`${admin}/healthz`, { signal, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (piece: string) => {
        text += piece;
        if (text.length > MAX_HEALTH_BYTES) request.destroy();
      });
      response.on('end', () => resolve(idIn(text)));
      response.on('error', () => resolve(null));
      response.on('close', () => resolve(null));
    });
    request.on('error', () => resolve(null));
  });
}

function idIn(text: string): string | null {
  const [, id = null] = /^\{"id":"([a-z2-9]{6})"/.exec(text) ?? [];
  return id;
}

/**
 * Follows what a door sees, without its token: it may be somebody else who listens there.
 * @returns ends it
 */
export async function followDoor(admin: string, listener: StreamListener): Promise<() => void> {
  const { get } = await import('node:http');
  let isOver = false;
  const end = () => {
    if (isOver) return;
    isOver = true;
    forget();
    request.destroy();
    listener.onEnd();
  };
  let forget = afterAwake(SILENCE_MS, end);
  const headers = { Accept: 'text/event-stream' };
  const request = get(`${admin}/events`, { headers, agent: false });
  const tell = (overview: Overview) => {
    forget();
    forget = afterAwake(SILENCE_MS, end);
    listener.onOverview(overview);
  };
  request.on('response', (response) => {
    if (response.statusCode === 200) read(response, tell, end);
    else end();
  });
  request.on('error', end);
  return end;
}

function read(
  response: IncomingMessage,
  onOverview: (overview: Overview) => void,
  end: () => void,
): void {
  const parser = createEventParser();
  let since = 0;
  response.setEncoding('utf8');
  response.on('data', (text: string) => {
    const events = parser.push(text);
    since = events.length > 0 ? 0 : since + text.length;
    if (since > MAX_EVENT_BYTES) return end();
    const [latest] = events.filter(({ name }) => name === 'overview').slice(-1);
    const overview = latest && parseOverview(latest.data);
    if (overview) onOverview(overview);
  });
  response.on('error', end);
  response.on('close', end);
}
