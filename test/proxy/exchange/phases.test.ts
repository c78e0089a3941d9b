import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  nextPhase,
  PHASE_EVENTS,
  PHASES,
  type Phase,
  type PhaseEvent,
  phases,
} from '../../../src/proxy/exchange/phases.ts';
import { doorOptions } from '../../../src/proxy/options.ts';
import { EVENTS, STATES, transition } from '../../../src/proxy/upstream/states.ts';

const page = readFileSync(
  join(import.meta.dirname, '..', '..', '..', 'docs', 'request-lifecycle.md'),
  'utf8',
);

/** The cells of the table below a heading, without its own head. */
function tableUnder(heading: string): string[][] {
  const [, rest = ''] = page.split(`## ${heading}\n`);
  const lines =
    rest
      .split('\n## ')[0]
      ?.split('\n')
      .filter((line) => line.startsWith('|')) ?? [];
  return lines.slice(2).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

describe('docs/request-lifecycle.md', () => {
  test('has every phase of an attempt, with what it waits for, its limit and what follows', () => {
    const rows = PHASES.map((name) => {
      const { waitsFor, limit, streamLimit, next } = phases[name];
      const limits = [limit, streamLimit].filter(Boolean).map((each) => `\`${each}\``);
      const follows = Object.entries(next).map(([event, phase]) => `${event} → ${phase}`);
      return [name, waitsFor, limits.join(', streams ') || '-', follows.join(', ') || '-'];
    });
    expect(tableUnder('An attempt')).toEqual(rows);
  });

  test('has every state of an upstream and where each event leads', () => {
    const rows = STATES.map((state) => [
      state,
      ...EVENTS.map((event) => transition(state, event) ?? '·'),
    ]);
    expect(tableUnder('An upstream')).toEqual(rows);
  });
});

describe('the phases of an attempt', () => {
  const reachable = (from: Phase) => {
    const seen = new Set<Phase>([from]);
    for (const phase of seen) for (const event of PHASE_EVENTS) seen.add(nextPhase(phase, event));
    return [...seen];
  };

  test('are all reached from the first, and the last is reached from all', () => {
    expect(reachable('connecting').sort()).toEqual([...PHASES].sort());
    for (const phase of PHASES) expect(reachable(phase)).toContain('over');
  });

  test('never lead back to an earlier one', () => {
    for (const phase of PHASES) {
      for (const event of PHASE_EVENTS) {
        expect(PHASES.indexOf(nextPhase(phase, event))).toBeGreaterThanOrEqual(
          PHASES.indexOf(phase),
        );
      }
    }
  });

  test('each but the last have a limit that the door has a value for', () => {
    const options = doorOptions();
    for (const phase of PHASES.slice(0, -1)) {
      const { limit, streamLimit = limit } = phases[phase];
      expect(limit && options[limit]).toBeGreaterThan(0);
      expect(streamLimit && options[streamLimit]).toBeGreaterThan(0);
    }
  });

  test.each<[PhaseEvent, Phase, Phase]>([
    ['head', 'sending', 'answering'],
    ['sent', 'answering', 'answering'],
    ['sent', 'connecting', 'connecting'],
    ['connected', 'over', 'over'],
  ])('lead, after "%s" in %s, to %s', (event, from, to) => {
    expect(nextPhase(from, event)).toBe(to);
  });
});
