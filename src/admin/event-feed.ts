import { troubleInWords } from '../expected-errors.ts';
import type { FleetEvent } from '../model/event.ts';
import type { Events } from '../store/events/events.ts';

/** A page that is loaded anew is soon back: its connection to Redis may as well stay. */
const LINGER_MS = 5_000;

/** What happens in the fleet, for all who look, over one connection of its own; none while nobody does. */
export class EventFeed {
  readonly #events: Pick<Events, 'follow'>;
  readonly #onEvent: (event: FleetEvent) => void;
  readonly #log: (line: string) => void;
  #following: AbortController | null = null;
  #ending: NodeJS.Timeout | undefined;

  constructor(
    events: Pick<Events, 'follow'>,
    onEvent: (event: FleetEvent) => void,
    log: (line: string) => void,
  ) {
    this.#events = events;
    this.#onEvent = onEvent;
    this.#log = log;
  }

  start(): void {
    clearTimeout(this.#ending);
    if (this.#following) return;
    const following = new AbortController();
    this.#following = following;
    const tell = (events: readonly FleetEvent[]) => events.forEach(this.#onEvent);
    this.#events
      .follow(null, tell, following.signal)
      .catch((error: unknown) => this.#log(`events: ${troubleInWords(error)}`));
  }

  stopSoon(): void {
    clearTimeout(this.#ending);
    this.#ending = setTimeout(() => this.stop(), LINGER_MS).unref();
  }

  stop(): void {
    clearTimeout(this.#ending);
    this.#following?.abort();
    this.#following = null;
  }
}
