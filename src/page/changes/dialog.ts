import type { Question } from '../../overview/consequences.ts';
import { find, setText, setTone } from '../elements/find.ts';

/** Asks before something is done. */
export interface Dialog {
  /** @returns whether to do it */
  ask(question: Question): Promise<boolean>;
  /**
   * Asks for a number too; what will happen is told anew with each.
   * @returns the number; null where nothing is to be done
   */
  askCount(
    label: string,
    first: number,
    question: (count: number) => Question,
  ): Promise<number | null>;
}

/** The page's one dialog. The browser keeps the focus in it, and Escape closes it. */
export function createDialog(): Dialog {
  const dialog = find(HTMLDialogElement, '#dialog');
  const title = find(HTMLElement, '#dialog-title');
  const text = find(HTMLElement, '#dialog-text');
  const cancel = find(HTMLButtonElement, '#dialog [value=no]');
  const act = find(HTMLButtonElement, '#dialog-act');
  const field = find(HTMLElement, '#dialog-count');
  const input = find(HTMLInputElement, '#dialog-count input');

  function show(question: Question): void {
    setText(title, question.title);
    setText(text, question.text);
    setText(act, question.act);
    setTone(act, question.isHarsh ? 'bad' : '');
  }

  function answer(first: HTMLElement): Promise<boolean> {
    dialog.returnValue = '';
    dialog.showModal();
    first.focus();
    return new Promise((resolve) => {
      dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true });
    });
  }

  return {
    ask(question) {
      field.hidden = true;
      input.disabled = true;
      show(question);
      return answer(question.isHarsh ? cancel : act);
    },
    async askCount(label, first, question) {
      field.hidden = false;
      input.disabled = false;
      setText(find(HTMLElement, 'span', field), label);
      input.value = String(first);
      show(question(first));
      input.oninput = () => input.validity.valid && show(question(input.valueAsNumber || 0));
      const answered = answer(input);
      input.select();
      return (await answered) ? input.valueAsNumber : null;
    },
  };
}
