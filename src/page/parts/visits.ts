import type { Api } from '../connection/api.ts';
import { create, find, setText } from '../elements/find.ts';

const LOOK_MS = 3_000;

/** The newest visits of the built-in app: paths with their queries, so with the token only. */
export function createVisits(api: Api): () => void {
  const list = find(HTMLElement, '#visits');
  const empty = find(HTMLElement, '#no-visits');
  let isAsking = false;
  let askedAt = Number.NEGATIVE_INFINITY;

  async function load(): Promise<void> {
    const visits = await api.get('/recent').catch(() => null);
    const shown = Array.isArray(visits) ? visits.map(String) : [];
    const before = [...list.children].map(({ textContent }) => textContent);
    if (shown.join('\n') !== before.join('\n')) {
      list.replaceChildren(...shown.map((visit) => create('li', visit)));
    }
    empty.hidden = shown.length > 0;
    setText(empty, visits === null ? 'Not known now.' : 'None yet.');
  }

  return () => {
    if (!api.hasRights()) {
      list.replaceChildren();
      empty.hidden = false;
      setText(empty, 'Visits are shown with the token only.');
      return;
    }
    if (isAsking || performance.now() - askedAt < LOOK_MS) return;
    isAsking = true;
    askedAt = performance.now();
    void load().finally(() => {
      isAsking = false;
    });
  };
}
