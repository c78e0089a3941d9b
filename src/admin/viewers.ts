import type { ServerResponse } from 'node:http';
import { begin } from './responses/reply.ts';
import type { Rights } from './responses/rights.ts';
import type { AdminRequest } from './responses/router.ts';

export interface ViewerLimits {
  /** Streams that are open at once: one more ends the oldest. */
  readonly maxViewers: number;
  /** What waits for one who does not read, bytes: beyond that it is dropped. */
  readonly maxViewerBytes: number;
}

interface Viewer {
  readonly response: ServerResponse;
  readonly rights: Rights;
}

/** Everybody who keeps an event stream open: text/event-stream, as the HTML standard has it. */
export class Viewers {
  readonly #limits: ViewerLimits;
  readonly #onAny: (any: boolean) => void;
  readonly #all = new Set<Viewer>();

  /** @param onAny told when the first one comes, and when the last one has gone */
  constructor(limits: ViewerLimits, onAny: (any: boolean) => void) {
    this.#limits = limits;
    this.#onAny = onAny;
  }

  add({ request, response, rights }: AdminRequest): void {
    const viewer = { response, rights };
    begin(response, 200, { 'Content-Type': 'text/event-stream' });
    if (request.method === 'HEAD') return void response.end();
    response.once('close', () => {
      if (this.#all.delete(viewer) && this.#all.size === 0) this.#onAny(false);
    });
    this.#all.add(viewer);
    if (this.#all.size === 1) this.#onAny(true);
    const [oldest] = this.#all;
    if (!oldest || this.#all.size <= this.#limits.maxViewers) return;
    // Its end is told later: the next one that comes at once must end another.
    this.#all.delete(oldest);
    oldest.response.destroy();
  }

  /** @param textFor what those with these rights are told; null for nothing */
  tell(event: string, textFor: (rights: Rights) => string | null, id?: string): void {
    const texts = new Map<Rights, string | null>();
    for (const { response, rights } of this.#all) {
      const known = texts.get(rights);
      const text = known === undefined ? frame(event, textFor(rights), id) : known;
      texts.set(rights, text);
      if (text !== null) this.#write(response, text);
    }
  }

  /** The same for one of them, who has just come. */
  tellOne(response: ServerResponse, event: string, text: string, id?: string): void {
    this.#write(response, frame(event, text, id) ?? '');
  }

  /** They come again by themselves. */
  end(): void {
    for (const { response } of this.#all) response.end();
  }

  #write(response: ServerResponse, text: string): void {
    if (response.destroyed || response.writableEnded) return;
    // What was told before has been a second on its way.
    if (response.writableLength > this.#limits.maxViewerBytes) return void response.destroy();
    response.write(text);
  }
}

function frame(event: string, text: string | null, id?: string): string | null {
  if (text === null) return null;
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${text}\n\n`;
}
