import type { Tone } from '../../overview/states.ts';
import { timeOfDay } from '../../overview/units.ts';
import { create, find, setText, setTone } from '../elements/find.ts';

/** What was asked for from this page, and how far it is. */
export interface Progress {
  /** @returns how to say what goes on with it */
  begin(what: string): Step;
}

export interface Step {
  say(text: string): void;
  done(text: string): void;
  failed(text: string): void;
}

const MOST = 5;
const marks: Readonly<Partial<Record<Tone, string>>> = { dim: '…', good: '✓', bad: '✗' };

export function createProgress(now: () => number): Progress {
  const list = find(HTMLElement, '#changes');
  return {
    begin(what) {
      const line = create('li', '');
      const mark = create('span', '', 'status');
      const text = create('span', what);
      const show = (tone: Tone, said: string) => {
        setTone(mark, tone);
        setText(mark, marks[tone] ?? '');
        setText(text, said);
      };
      line.append(create('time', timeOfDay(now())), mark, text, dismissal(line));
      show('dim', `${what} …`);
      list.prepend(line);
      while (list.childElementCount > MOST) list.lastElementChild?.remove();
      return {
        say: (said) => show('dim', `${what}: ${said}`),
        done: (said) => show('good', `${what}: ${said}`),
        failed: (said) => show('bad', `${what}: ${said}`),
      };
    },
  };
}

function dismissal(line: HTMLElement): HTMLElement {
  const button = create('button', '×', 'dismiss');
  button.setAttribute('type', 'button');
  button.setAttribute('aria-label', 'Hide this line');
  button.addEventListener('click', () => line.remove());
  return button;
}
