import type { Change, ChangeStep } from '../../model/change.ts';
import type { FleetChange } from '../../overview/consequences.ts';
import type { Tone } from '../../overview/state-words.ts';
import { many, timeOfDay } from '../../overview/units.ts';
import { reason } from '../../plain-text.ts';
import { Refused } from '../connection/api.ts';
import { create, find, setText, setTone } from '../elements/find.ts';
import { type Entry, keyedList } from '../elements/keyed-list.ts';

/** What is being changed and was changed last, a line each, with what goes on with each server. */
export interface Progress {
  show(change: Change): void;
  /** All that the door knows of, after nothing was heard of it for a while. */
  catchUp(changes: readonly Change[]): void;
  /** The door said no at once; its stream tells of the same change, where it had begun one. */
  refused(what: string, error: unknown): void;
}

interface Line {
  readonly key: string;
  readonly at: number;
  readonly tone: Tone;
  readonly text: string;
  readonly steps: readonly ChangeStep[];
}

/** It may have been done in part, or whole. */
const lostSight = 'the door that did it is gone, so look at the servers';
const MOST = 5;
const marks: Readonly<Partial<Record<Tone, string>>> = { dim: '…', good: '✓', bad: '✗' };
const toneOf = { running: 'dim', now: 'dim', done: 'good', failed: 'bad' } as const;

export function createProgress(): Progress {
  const list = keyedList<Line>(find(HTMLElement, '#changes'), ({ key }) => key, createLine);
  const hidden = new Set<string>();
  let lines: readonly Line[] = [];

  function createLine({ key }: Line): Entry<Line> {
    return createEntry(() => {
      hidden.add(key);
      update(lines);
    });
  }

  function update(now: readonly Line[]): void {
    lines = now.filter(({ key }) => !hidden.has(key)).slice(0, MOST);
    list.update(lines);
  }

  function put(line: Line): void {
    const known = lines.some(({ key }) => key === line.key);
    update(known ? lines.map((old) => (old.key === line.key ? line : old)) : [line, ...lines]);
  }

  return {
    // The answer to the request may come after what the stream has told since.
    show(change) {
      const known = lines.find(({ key }) => key === change.id);
      if (known && known.tone !== 'dim' && change.state === 'running') return;
      put(lineOf(change));
    },
    catchUp(changes) {
      const told = new Map(changes.map((change) => [change.id, change]));
      for (const line of lines.filter(({ tone }) => tone === 'dim')) {
        if (!told.has(line.key)) put({ ...line, tone: 'bad', text: `${line.text}: ${lostSight}` });
      }
      for (const change of changes) {
        const isShown = lines.some(({ key }) => key === change.id);
        if (isShown || change.state === 'running') put(lineOf(change));
      }
    },
    refused(what, error) {
      const text = `${what}: ${reason(error)}`;
      const id = error instanceof Refused ? error.change : null;
      if (lines.some(({ key, tone }) => key === id && tone !== 'dim')) return;
      put({
        key: id ?? `refused ${performance.now()}`,
        at: Date.now(),
        tone: 'bad',
        text,
        steps: [],
      });
    },
  };
}

function lineOf(change: Change): Line {
  const { id, at, state, steps, notes, summary, failures } = change;
  const failed = failures.map(({ message, remedy }) => `${message}. ${remedy}`);
  const said = [...notes, summary, ...failed].filter(Boolean).join('. ');
  const what = changeInWords(change);
  return {
    ...{ key: id, at, tone: toneOf[state], steps: state === 'done' ? [] : steps },
    text: said ? `${what}: ${said}` : what,
  };
}

function changeInWords({ verb, asked, host }: Change): string {
  const { count, ids = [] } = asked;
  const object = count === undefined ? ids.join(' ') || 'all' : objectInWords(verb, count);
  return `${verb} ${object} on ${host}`;
}

function objectInWords(verb: string, count: number): string {
  return verb === 'scale' ? `to ${many(count, 'server')}` : many(count, 'server');
}

export function wantedInWords(wanted: FleetChange): string {
  if ('count' in wanted) return `${wanted.verb} ${objectInWords(wanted.verb, wanted.count)}`;
  return `${wanted.verb} ${wanted.id ?? 'all'}`;
}

function createEntry(onHide: () => void): Entry<Line> {
  const element = create('li', '');
  const [time, mark, text] = [create('time', ''), create('span', '', 'status'), create('span', '')];
  const [words, steps] = [create('div', ''), create('ul', '')];
  const hide = create('button', '×', 'dismiss');
  hide.setAttribute('type', 'button');
  hide.setAttribute('aria-label', 'Hide this line');
  hide.addEventListener('click', onHide);
  words.append(text, steps);
  element.append(time, mark, words, hide);
  const list = keyedList<ChangeStep>(steps, ({ server }) => server, createStep);
  return {
    element,
    update(line) {
      setText(time, timeOfDay(line.at));
      setTone(mark, line.tone);
      setText(mark, marks[line.tone] ?? '');
      setText(text, line.text);
      list.update(line.steps);
    },
  };
}

function createStep(): Entry<ChangeStep> {
  const element = create('li', '');
  return {
    element,
    update({ server, state, what }) {
      setTone(element, toneOf[state]);
      setText(element, `${marks[toneOf[state]]} ${server} ${what}`);
    },
  };
}
