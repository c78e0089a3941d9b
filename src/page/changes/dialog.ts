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
  askCount(field: Field, questionFor: (count: number) => Question): Promise<number | null>;
}

interface Field {
  readonly label: string;
  readonly first: number;
  readonly least: number;
}

/** The page's one dialog. The browser keeps the focus in it, and Escape closes it. */
export function createDialog(): Dialog {
  const dialog = find(HTMLDialogElement, '#dialog');
  const cancel = find(HTMLButtonElement, '#dialog-cancel');
  const act = find(HTMLButtonElement, '#dialog-act');
  const box = find(HTMLElement, '#dialog-count');
  const label = find(HTMLElement, 'span', box);
  const input = find(HTMLInputElement, 'input', box);
  const [title, text] = [find(HTMLElement, '#dialog-title'), find(HTMLElement, '#dialog-text')];

  function show(question: Question): void {
    setText(title, question.title);
    setText(text, question.text);
    setText(act, question.act);
    setTone(act, question.isHarsh ? 'bad' : '');
  }

  // A field that is not shown must not hold the form up.
  function useField(isUsed: boolean): void {
    box.hidden = !isUsed;
    input.disabled = !isUsed;
  }

  cancel.addEventListener('click', () => dialog.close('no'));
  return {
    ask(question) {
      useField(false);
      show(question);
      return answered(dialog, question.isHarsh ? cancel : act);
    },
    async askCount(field, questionFor) {
      useField(true);
      setText(label, field.label);
      input.min = String(field.least);
      input.value = String(field.first);
      input.oninput = () => {
        if (input.validity.valid) show(questionFor(input.valueAsNumber));
      };
      show(questionFor(field.first));
      return (await answered(dialog, input)) ? input.valueAsNumber : null;
    },
  };
}

function answered(dialog: HTMLDialogElement, first: HTMLElement): Promise<boolean> {
  dialog.returnValue = '';
  dialog.showModal();
  first.focus();
  if (first instanceof HTMLInputElement) first.select();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true });
  });
}
