import type { Line } from '../../progress/region.ts';
import { sortKeys } from './columns.ts';
import type { Letters } from './letters.ts';

const KEYS: readonly (readonly [keys: string, what: string])[] = [
  ['up down j k', 'pick a server (also page up and down, home and end)'],
  ['s', 'spawn one more server of this host'],
  ['d', 'destroy the one that is picked'],
  ['r', 'restart the one that is picked'],
  ['R', 'restart all of this host, one after another'],
  ['/', 'show only those whose id, url, app, state or reason has this text'],
  ['1 to 9', 'sort by that column; again: the other way round; once more: by port'],
  ['< >', 'sort by the column beside'],
  ['Esc', 'show all again'],
  ['Ctrl-L', 'draw all anew'],
  ['Ctrl-Z', 'back to the shell; fg comes back'],
  ['q', 'quit'],
];

const names: Readonly<Record<string, string>> = {
  rps: 'requests/s',
  errors: '5xx so far',
  inflight: 'open requests',
  rss: 'memory',
  cpu: 'share of a core',
};

/** What the keys do, and what the columns are. */
export function helpLines({ clean }: Letters): Line[] {
  const width = Math.max(...KEYS.map(([keys]) => keys.length));
  const sorted = sortKeys.slice(0, 9).map((key, at) => `${at + 1} ${names[key] ?? key}`);
  return [
    [{ text: 'Keys', tone: 'head' }],
    ...KEYS.map(([keys, what]) => [{ text: `  ${keys.padEnd(width)}  ${what}` }]),
    [],
    [{ text: 'Columns', tone: 'head' }],
    [{ text: clean(`  ${sorted.join(', ')}`) }],
    [{ text: '  P50 and P99: how long the door waited for answers, in the last seconds' }],
    [{ text: '  Figures that nobody knows are shown by a dash.' }],
  ];
}
