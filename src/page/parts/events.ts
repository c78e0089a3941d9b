import type { FleetEvent } from '../../model/event.ts';
import { eventInWords } from '../../model/event-words.ts';
import type { Tone } from '../../overview/state-words.ts';
import { timeOfDay } from '../../overview/units.ts';
import { find, fromTemplate, setText, setTone } from '../elements/find.ts';
import { type Entry, keyedList } from '../elements/keyed-list.ts';

/** What happened, newest first. */
export interface Events {
  /** @param told events as the door has them; those that are known already are told again where one comes back */
  add(told: unknown): void;
  /** @param host the name of the door's host, which goes without saying */
  seenFrom(host: string): void;
}

const MOST = 200;

export function createEvents(): Events {
  let here = '';
  const list = keyedList<FleetEvent>(
    find(HTMLElement, '#events'),
    ({ id }) => id,
    (event) => createRow(event, () => here),
  );
  const empty = find(HTMLElement, '#no-events');
  let known: readonly FleetEvent[] = [];
  return {
    add(told) {
      const events = Array.isArray(told) ? told.filter(isEvent) : [];
      const all = new Map([...known, ...events].map((event) => [event.id, event]));
      known = [...all.values()].sort(newestFirst).slice(0, MOST);
      list.update(known);
      empty.hidden = known.length > 0;
    },
    seenFrom(host) {
      if (host === here) return;
      here = host;
      list.update(known);
    },
  };
}

function isEvent(value: unknown): value is FleetEvent {
  const { id, at, kind, why } = (value ?? {}) as Partial<Record<keyof FleetEvent, unknown>>;
  const areTexts = [id, kind, why].every((text) => typeof text === 'string');
  return areTexts && typeof at === 'number';
}

function newestFirst(a: FleetEvent, b: FleetEvent): number {
  return b.at - a.at || b.id.localeCompare(a.id, 'en', { numeric: true });
}

function createRow(event: FleetEvent, here: () => string): Entry<FleetEvent> {
  const element = fromTemplate(HTMLLIElement, '#event-row');
  const time = find(HTMLTimeElement, 'time', element);
  const kind = find(HTMLElement, '.status', element);
  setText(time, timeOfDay(event.at));
  time.dateTime = momentOf(event.at);
  setText(kind, kinds[event.kind] ?? event.kind.replaceAll('-', ' '));
  setTone(kind, tones[event.kind] ?? '');
  const words = find(HTMLElement, '.words', element);
  return { element, update: (told) => setText(words, eventInWords(told, here())) };
}

function momentOf(at: number): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? '' : date.toISOString();
}

/** Shorter than the field's own word. */
const kinds: Readonly<Record<string, string>> = {
  ordered: 'to leave',
  ejected: 'taken out',
};

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
