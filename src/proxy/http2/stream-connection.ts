import type { Connection } from '../client/connection.ts';

/** A stream in the place of a connection: it has one request, and shares what is known of its client. */
export class StreamConnection implements Connection {
  readonly isStream = true;
  readonly unanswered: Connection['unanswered'] = [];
  readonly overflow = null;
  finalBytes: Connection['finalBytes'] = null;
  next: Connection['next'] = null;
  isLast = false;
  refused = false;
  standstill: Connection['standstill'] = null;
  readonly #carrier: Connection;

  /** @param carrier the connection of all streams */
  constructor(carrier: Connection) {
    this.#carrier = carrier;
  }

  get socket(): Connection['socket'] {
    return this.#carrier.socket;
  }

  get peer(): string {
    return this.#carrier.peer;
  }

  get trusted(): boolean {
    return this.#carrier.trusted;
  }

  get secure(): boolean {
    return this.#carrier.secure;
  }

  get hsts(): string | null {
    return this.#carrier.hsts;
  }

  get cachedHead(): Connection['cachedHead'] {
    return this.#carrier.cachedHead;
  }

  set cachedHead(head: Connection['cachedHead']) {
    this.#carrier.cachedHead = head;
  }
}
