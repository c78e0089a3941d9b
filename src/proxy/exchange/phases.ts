/*
 * The phases of an attempt: one request with one server. The table stands in
 * docs/request-lifecycle.md too, and test/proxy/exchange/phases.test.ts holds the two to each other.
 */

export const PHASES = ['connecting', 'sending', 'waiting', 'answering', 'over'] as const;
export type Phase = (typeof PHASES)[number];

/**
 * `connected`: the connection stands; `connectedWithBody`: and a body is to be sent. `sent`: the body
 * is out. `head`: the head of the answer is here, which may be before the body is out. `left`: whole,
 * failed or given up.
 */
export const PHASE_EVENTS = ['connected', 'connectedWithBody', 'sent', 'head', 'left'] as const;
export type PhaseEvent = (typeof PHASE_EVENTS)[number];

/** Which of the door's limits ends a phase in which nothing moves. */
type PhaseLimit = 'doorConnectMs' | 'bodyIdleMs' | 'responseHeaderMs' | 'streamIdleMs';

interface PhaseRow {
  readonly waitsFor: string;
  readonly limit: PhaseLimit | null;
  /** In place of `limit` for what has no end of its own. */
  readonly streamLimit?: PhaseLimit;
  readonly next: Readonly<Partial<Record<PhaseEvent, Phase>>>;
}

export const phases: Readonly<Record<Phase, PhaseRow>> = {
  connecting: {
    waitsFor: 'a connection to the server, and its word on who it is',
    limit: 'doorConnectMs',
    next: { connected: 'waiting', connectedWithBody: 'sending', left: 'over' },
  },
  sending: {
    waitsFor: 'the next piece of the body, or room for it at the server',
    limit: 'bodyIdleMs',
    next: { sent: 'waiting', head: 'answering', left: 'over' },
  },
  waiting: {
    waitsFor: 'the head of the answer',
    limit: 'responseHeaderMs',
    next: { head: 'answering', left: 'over' },
  },
  answering: {
    waitsFor: 'the next piece of the answer, or room for it at the client',
    limit: 'bodyIdleMs',
    streamLimit: 'streamIdleMs',
    next: { left: 'over' },
  },
  over: { waitsFor: 'nothing', limit: null, next: {} },
};

/** Whatever is not in the table changes nothing. */
export function nextPhase(phase: Phase, event: PhaseEvent): Phase {
  return phases[phase].next[event] ?? phase;
}
