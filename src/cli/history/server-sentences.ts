import type { EventKind, FleetEvent } from '../../model/event.ts';
import { actorInWords } from '../../model/event-words.ts';
import { clock } from './story.ts';

interface Clause {
  says(event: FleetEvent, here: string): string;
  /** What it goes on from, in one sentence. */
  readonly after?: readonly EventKind[];
}

/** Longer than a signal and its events are under way. */
const ECHO_MS = 2_000;

const because = ({ why }: FleetEvent) => (why === '' ? '' : `: ${why}`);
const how = ({ why }: FleetEvent) => (why === '' ? '' : ` ${why}`);

const clauses: Partial<Record<EventKind, Clause>> = {
  spawned: { says: (event, here) => `${actorInWords(event, here)} started it${how(event)}` },
  revived: { says: (event, here) => `${actorInWords(event, here)} started it${how(event)}` },
  ready: { says: (event) => `it was ready${how(event)}`, after: ['spawned', 'revived'] },
  ordered: { says: (event, here) => `${actorInWords(event, here)} told it to leave,${how(event)}` },
  drained: { says: (event) => `it had finished its requests${how(event)}`, after: ['ordered'] },
  gone: { says: (event) => `it was gone${because(event)}`, after: ['ordered', 'drained'] },
  lost: { says: (event, here) => `${actorInWords(event, here)} found it dead${because(event)}` },
  ejected: {
    says: (event, here) => `${actorInWords(event, here)} took it out of use${because(event)}`,
  },
  back: { says: () => 'it was in use again', after: ['ejected'] },
  crashed: { says: (event, here) => `${actorInWords(event, here)} gave it up${because(event)}` },
};

/**
 * The life of one server, from its events: what belongs together in one sentence.
 * @param here the name of this host, which goes without saying
 */
export function lifeOf(events: readonly FleetEvent[], here: string): string[] {
  const sentences: string[] = [];
  let before: FleetEvent | null = null;
  for (const event of events) {
    const clause = clauses[event.kind];
    if (!clause || isEcho(event, events)) continue;
    const last = sentences.at(-1);
    const goesOn = before !== null && clause.after?.includes(before.kind) === true;
    if (before !== null && last !== undefined && goesOn) {
      const when = clock(event.at) === clock(before.at) ? '' : `at ${clock(event.at)} `;
      sentences[sentences.length - 1] = `${last}; ${when}${clause.says(event, here)}`;
    } else sentences.push(`At ${clock(event.at)} ${clause.says(event, here)}`);
    before = event;
  }
  return sentences.map((sentence) => (/[.!?]$/.test(sentence) ? sentence : `${sentence}.`));
}

/** A server tells of the signal that reached it; whoever sent it has mostly told so too. */
function isEcho({ kind, by, at }: FleetEvent, events: readonly FleetEvent[]): boolean {
  if (kind !== 'ordered' || !isSignal(by)) return false;
  return events.some(
    (other) => other.kind === 'ordered' && !isSignal(other.by) && Math.abs(other.at - at) < ECHO_MS,
  );
}

function isSignal(by: string | null): boolean {
  return by?.startsWith('SIG') ?? false;
}
