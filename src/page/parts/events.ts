import type { FleetEvent } from '../../model/event.ts';
import type { Tone } from '../../overview/states.ts';
import { timeOfDay } from '../../overview/units.ts';
import { find, fromTemplate, setText, setTone } from '../elements/find.ts';

/** What happened, newest first. */
export interface Events {
  add(events: readonly FleetEvent[]): void;
}

const MOST = 200;

export function createEvents(): Events {
  const list = find(HTMLElement, '#events');
  const empty = find(HTMLElement, '#no-events');
  const seen = new Set<string>();
  return {
    add(events) {
      const fresh = events.filter(({ id }) => !seen.has(id));
      for (const event of fresh) {
        seen.add(event.id);
        list.prepend(rowOf(event));
      }
      while (list.childElementCount > MOST) list.lastElementChild?.remove();
      forgetOldest(seen);
      empty.hidden = list.childElementCount > 0;
    },
  };
}

/** A door that comes back tells some of them again. */
function forgetOldest(seen: Set<string>): void {
  for (const id of seen) {
    if (seen.size <= 5 * MOST) return;
    seen.delete(id);
  }
}

function rowOf(event: FleetEvent): HTMLElement {
  const row = fromTemplate(HTMLLIElement, '#event-row');
  const time = find(HTMLTimeElement, 'time', row);
  const kind = find(HTMLElement, '.status', row);
  setText(time, timeOfDay(event.at));
  time.dateTime = momentOf(event.at);
  setText(kind, kindInWords(event.kind));
  setTone(kind, tones[event.kind] ?? '');
  setText(find(HTMLElement, '.id', row), event.server ?? '');
  setText(find(HTMLElement, '.words', row), eventInWords(event));
  return row;
}

function momentOf(at: number): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? '' : date.toISOString();
}

const tones: Readonly<Record<string, Tone>> = {
  ready: 'good',
  back: 'good',
  revived: 'good',
  'redis-back': 'good',
  'door-opened': 'good',
  ordered: 'warn',
  'restart-begun': 'warn',
  lost: 'bad',
  ejected: 'bad',
  crashed: 'bad',
  'redis-away': 'bad',
};

function kindInWords(kind: string): string {
  return kind === 'ordered' ? 'to leave' : kind.replaceAll('-', ' ');
}

/** Why, who did it, and where. */
function eventInWords({ why, by, user, host }: FleetEvent): string {
  const actor = [by && `by ${by}`, user && `(${user})`, host && `on ${host}`].filter(Boolean);
  return [why, actor.join(' ')].filter(Boolean).join(', ');
}
