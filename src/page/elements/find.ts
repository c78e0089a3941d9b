import type { Tone } from '../../overview/state-words.ts';
import { plain } from '../../plain-text.ts';

/** What index.html holds. It throws where that is not so: the two are one page. */
export function find<T extends Element>(
  type: new () => T,
  selector: string,
  within: ParentNode = document,
): T {
  const found = within.querySelector(selector);
  if (found instanceof type) return found;
  throw new Error(`the page has no ${selector}`);
}

/** A new element from one of the page's templates. */
export function fromTemplate<T extends Element>(type: new () => T, selector: string): T {
  const { content } = find(HTMLTemplateElement, selector);
  const element = document.importNode(content, true).firstElementChild;
  if (element instanceof type) return element;
  throw new Error(`the page has nothing in ${selector}`);
}

/** Text, and only that: whatever stands in it, none of it becomes an element. */
export function setText(node: Element, text: string): void {
  const shown = plain(text);
  const { firstChild } = node;
  // A text that only changes costs less than one that is taken out and put in anew.
  if (!(firstChild instanceof Text) || firstChild.nextSibling) node.textContent = shown;
  else if (firstChild.data !== shown) firstChild.data = shown;
}

/** The same for a text that is told again and again, and mostly stays: it is compared here, not in the page. */
export function writer(node: Element): (text: string) => void {
  let last: string | null = null;
  return (text) => {
    if (text === last) return;
    last = text;
    setText(node, text);
  };
}

/** page.css has a colour for each tone. */
export function setTone(element: HTMLElement, tone: Tone): void {
  if (element.dataset.tone !== tone) element.dataset.tone = tone;
}

export function create(name: string, text: string, className = ''): HTMLElement {
  const element = document.createElement(name);
  setText(element, text);
  if (className) element.className = className;
  return element;
}
