import { timeOfDay } from '../../overview/units.ts';
import { duration } from '../../time/duration.ts';
import { find, setText, setTone } from '../elements/find.ts';

/** Says whether what the page shows is what is. */
export interface Freshness {
  /** An overview came. */
  fresh(): void;
  /** The stream has ended; `why` where the door said so. */
  lost(why: string | null): void;
}

/** The door tells something each second. */
const STALE_MS = 4_000;
const LOOK_MS = 1_000;

/** @param now Unix ms, as this browser has it */
export function createFreshness(now: () => number): Freshness {
  const banner = find(HTMLElement, '#stale');
  const live = find(HTMLElement, '#live');
  const openedAt = now();
  let freshAt: number | null = null;
  let reason: string | null = null;

  function show(): void {
    const silentMs = now() - (freshAt ?? openedAt);
    const isStale = silentMs >= STALE_MS || (reason !== null && freshAt === null);
    document.body.toggleAttribute('data-stale', isStale);
    // A screen reader hears it once: what changes each second stands elsewhere.
    setText(banner, isStale ? sentence(freshAt, reason) : '');
    setTone(live, isStale ? 'bad' : freshAt === null ? 'dim' : 'good');
    setText(live, inShort(isStale, freshAt === null, silentMs));
  }

  function look(): void {
    show();
    setTimeout(look, LOOK_MS);
  }
  look();

  return {
    fresh() {
      freshAt = now();
      reason = null;
      show();
    },
    lost(why) {
      reason = why;
      show();
    },
  };
}

function sentence(freshAt: number | null, reason: string | null): string {
  const said = reason === null ? '' : ` It says: ${reason}.`;
  if (freshAt === null) return `The door does not answer.${said} This page tries again by itself.`;
  const since = timeOfDay(freshAt);
  return `Stale: this is how things were at ${since}. The door does not answer.${said} This page tries again by itself.`;
}

function inShort(isStale: boolean, isFirst: boolean, silentMs: number): string {
  if (isStale) return isFirst ? 'no answer' : `stale for ${duration(silentMs)}`;
  return isFirst ? 'connecting' : 'live';
}
