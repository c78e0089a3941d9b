import type { Change } from '../../model/change.ts';
import type { Overview } from '../../model/overview.ts';
import { type FleetChange, isLastUp, question, servingHere } from '../../overview/consequences.ts';
import type { Api } from '../connection/api.ts';
import { find } from '../elements/find.ts';
import { createDialog, type Dialog } from './dialog.ts';
import { createProgress, wantedInWords } from './progress.ts';

/** The buttons, and what comes of them. */
export interface ChangeControls {
  see(overview: Overview): void;
  /** How far a change is, whoever asked for it, as the door tells it. */
  hear(change: Change): void;
  /** Asks for all that the door knows of, after nothing was heard of it for a while. */
  catchUp(): Promise<void>;
}

export function createChangeControls(api: Api): ChangeControls {
  const dialog = createDialog();
  const progress = createProgress();
  let fleet: Overview | null = null;

  async function act(verb: string, id: string | null): Promise<void> {
    const asked = fleet;
    const wanted = asked && (await chosen(verb, id, asked, dialog));
    if (!wanted) return;
    try {
      const [method, path, body] = requestFor(wanted, asked);
      progress.show((await api.change(method, path, body)) as Change);
    } catch (error) {
      progress.refused(wantedInWords(wanted), error);
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
    hear: progress.show,
    async catchUp() {
      if (api.hasRights()) progress.catchUp((await api.get('/changes')) as readonly Change[]);
    },
  };
}

async function chosen(
  verb: string,
  id: string | null,
  fleet: Overview,
  dialog: Dialog,
): Promise<FleetChange | null> {
  if (verb === 'spawn' || verb === 'scale') {
    const ask = (label: string, first: number, least: number) =>
      dialog.askCount({ label, first, least }, (count) => question({ verb, count }, fleet));
    const count =
      verb === 'spawn'
        ? await ask('How many more', 1, 1)
        : await ask('How many servers', servingHere(fleet).length, 0);
    return count === null ? null : { verb, count };
  }
  const wanted = wantedOf(verb, id);
  return wanted && (await dialog.ask(question(wanted, fleet))) ? wanted : null;
}

function wantedOf(verb: string, id: string | null): FleetChange | null {
  if (verb === 'restart') return { verb, id };
  return verb === 'destroy' && id !== null ? { verb, id } : null;
}

type Request = readonly [method: 'POST' | 'DELETE', path: string, body?: object];

/** @param fleet as it was when the question was asked */
function requestFor(wanted: FleetChange, fleet: Overview): Request {
  switch (wanted.verb) {
    case 'spawn':
      return ['POST', '/servers', { count: wanted.count }];
    case 'scale':
      return ['POST', '/scale', { count: wanted.count }];
    case 'restart':
      return ['POST', '/restart', wanted.id === null ? {} : { ids: [wanted.id] }];
    case 'destroy':
      return ['DELETE', `/servers/${wanted.id}${isLastUp(wanted.id, fleet) ? '?force=true' : ''}`];
  }
}
