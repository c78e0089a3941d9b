import type { RoutedListing, RoutedView } from '../../model/fleet-view.ts';
import type { DoorOptions } from '../options.ts';
import type { Sticky } from '../sticky/cookie.ts';
import type { View } from './messages.ts';

/** The fleet as the registry had it last, and as workers are told of it. */
export class Views {
  readonly #sticky: Sticky | null;
  readonly #options: DoorOptions;
  /** What was about to be started is there, or failed. */
  started: boolean;
  /** Of the last reading. */
  seq = 0;
  #servers: readonly RoutedListing[] = [];
  #told = '';

  constructor(sticky: Sticky | null, options: DoorOptions) {
    this.#sticky = sticky;
    this.#options = options;
    this.started = !options.starting;
  }

  ids(): string[] {
    return this.#servers.map(({ record }) => record.id);
  }

  /** Those that say that they drain. */
  draining(): string[] {
    const draining = this.#servers.filter(({ record }) => record.state === 'draining');
    return draining.map(({ record }) => record.id);
  }

  /** Takes in a reading, without the servers that take no requests. */
  read({ servers }: RoutedView): void {
    const routed = servers.filter(({ record }) => !record.worker);
    this.#servers = routed.map((listing) => this.#routed(listing));
    this.seq += 1;
  }

  /** What all workers are told, who know the one before. */
  next(): View {
    const text = JSON.stringify(this.#servers);
    const isNew = text !== this.#told;
    this.#told = text;
    return this.#view(isNew);
  }

  /** What one is told that knows nothing. */
  whole(): View {
    return this.#view(true);
  }

  #view(isNew: boolean): View {
    const { seq, started } = this;
    const servers = isNew ? this.#servers : null;
    return { do: 'view', seq, servers, stickyKey: this.#sticky?.key ?? '', started };
  }

  /** As much as workers go by; a lease's end as coarse as they look at it. */
  #routed({ record, leaseLeftMs }: RoutedListing): RoutedListing {
    const { id, url, state, health, failing, provesId } = record;
    const more = {
      ...(health ? { health } : {}),
      ...(failing ? { failing } : {}),
      ...(provesId ? { provesId } : {}),
    };
    return { record: { id, url, state, ...more }, leaseLeftMs: this.#coarse(leaseLeftMs) };
  }

  #coarse(leftMs: number | null): number | null {
    const { leaseMs, lateBeatMs } = this.#options;
    if (leftMs === null) return null;
    if (leftMs <= 0) return -1;
    return leftMs < leaseMs - lateBeatMs ? 1 : leaseMs;
  }
}
