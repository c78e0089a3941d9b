import type { Overview } from '../../model/overview.ts';
import { type Change, question, runningHere } from '../../overview/consequences.ts';
import type { Api } from '../connection/api.ts';
import { find } from '../elements/find.ts';
import { createDialog, type Dialog } from './dialog.ts';
import { createProgress, type Step } from './progress.ts';

/** The buttons, and what comes of them. */
export interface Changes {
  see(overview: Overview): void;
  /** How far a change is, as the door's stream tells it. */
  hear(news: unknown): void;
}

/** @param now Unix ms, as this browser has it */
export function createChanges(api: Api, now: () => number): Changes {
  const dialog = createDialog();
  const progress = createProgress(now);
  const steps = new Map<string, Step>();
  let fleet: Overview | null = null;

  async function act(verb: string, id: string | null): Promise<void> {
    const change = fleet && (await chosen(verb, id, fleet, dialog));
    if (!change) return;
    const step = progress.begin(nameOf(change));
    try {
      const [method, path, body] = requestFor(change);
      const { id: changeId } = (await api.change(method, path, body)) as { id: string };
      steps.set(changeId, step);
    } catch (error) {
      step.failed(error instanceof Error ? error.message : String(error));
    }
  }

  find(HTMLElement, '.servers').addEventListener('click', ({ target }) => {
    if (!(target instanceof Element)) return;
    const { change, id } = target.closest<HTMLElement>('[data-change]')?.dataset ?? {};
    if (change) void act(change, id ?? null);
  });

  return {
    see(overview) {
      fleet = overview;
    },
    hear(news) {
      tell(news, steps);
    },
  };
}

function tell(news: unknown, steps: Map<string, Step>): void {
  const { id, state, text } = (news ?? {}) as { id: string; state: string; text: string };
  const step = steps.get(id);
  if (!step) return;
  if (state === 'running') return step.say(text);
  steps.delete(id);
  if (state === 'done') step.done(text);
  else step.failed(text);
}

async function chosen(
  verb: string,
  id: string | null,
  fleet: Overview,
  dialog: Dialog,
): Promise<Change | null> {
  if (verb === 'spawn' || verb === 'scale') {
    const [label, first] =
      verb === 'spawn' ? ['How many more', 1] : ['How many servers', runningHere(fleet).length];
    const asked = (count: number) => question({ verb, count }, fleet);
    const count = await dialog.askCount(String(label), Number(first), asked);
    return count === null ? null : { verb, count };
  }
  const change = changeOf(verb, id);
  return change && (await dialog.ask(question(change, fleet))) ? change : null;
}

function changeOf(verb: string, id: string | null): Change | null {
  if (verb === 'restart') return { verb, id };
  return verb === 'destroy' && id !== null ? { verb, id } : null;
}

function nameOf(change: Change): string {
  switch (change.verb) {
    case 'spawn':
      return `Spawn ${change.count}`;
    case 'scale':
      return `Scale to ${change.count}`;
    case 'restart':
      return change.id === null ? 'Restart all' : `Restart ${change.id}`;
    case 'destroy':
      return `Destroy ${change.id}`;
  }
}

type Request = readonly [method: 'POST' | 'DELETE', path: string, body?: object];

function requestFor(change: Change): Request {
  switch (change.verb) {
    case 'spawn':
      return ['POST', '/servers', { count: change.count }];
    case 'scale':
      return ['POST', '/scale', { count: change.count }];
    case 'restart':
      return ['POST', '/restart', change.id === null ? {} : { ids: [change.id] }];
    case 'destroy':
      return ['DELETE', `/servers/${encodeURIComponent(change.id)}`];
  }
}
