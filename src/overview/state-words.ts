import type { ServerView } from '../model/overview.ts';

/** How a word looks where there are colours; '' for as any other. */
export type Tone = 'good' | 'warn' | 'bad' | 'dim' | '';

/** What a server's state is called, and how it looks. */
export interface StateInWords {
  readonly text: string;
  readonly tone: Tone;
}

const tones: Readonly<Record<string, Tone>> = {
  up: 'good',
  starting: 'warn',
  draining: 'warn',
  lost: 'bad',
  crashed: 'bad',
  stopped: 'dim',
  gone: 'dim',
};

/** How a server's own state looks. */
export function toneOf(state: string): Tone {
  return tones[state] ?? '';
}

const doorTones: Readonly<Record<string, Tone>> = {
  usable: 'good',
  doubtful: 'warn',
  draining: 'warn',
  out: 'bad',
};

/** What it says of itself; where that is `up`, what the door makes of it counts too. */
export function stateInWords({ state, door }: Pick<ServerView, 'state' | 'door'>): StateInWords {
  if (state !== 'up' || door === null || door === 'usable') {
    return { text: state, tone: toneOf(state) };
  }
  return { text: `up, ${door}`, tone: doorTones[door] ?? 'warn' };
}

const order = ['bad', 'warn', 'dim', '', 'good'];

/** What wants looking at comes first. */
export function urgency(server: Pick<ServerView, 'state' | 'door'>): number {
  return order.indexOf(stateInWords(server).tone);
}
