import { describe, expect, test } from 'vitest';
import { EVENTS, STATES, transition } from '../../../src/proxy/upstream/states.ts';

/*
 * Every state with every event, in the order of EVENTS. `·` changes nothing.
 */
const whole = `
            leased  expired     drains    vanished  refused  resets  passed  vacant  failing
healthy     ·       suspect     draining  suspect   failed   failed  ·       failed  failed
suspect     in      ·           draining  ·         failed   failed  ·       ·       failed
draining    ·       ·           ·         gone      ·        ·       ·       ·       ·
denied      ·       ·           ·         gone      ·        ·       ·       ·       ·
starting    in      unverified  draining  gone      ·        ·       in      ·       ·
unverified  in      ·           draining  gone      ·        ·       in      ·       ·
conflict    ·       ·           draining  gone      ·        ·       in      ·       ·
failed      ·       ·           draining  gone      ·        ·       in      ·       ·
`;

const [heads = '', ...rows] = whole.trim().split('\n');
const cells = rows.flatMap((row) => {
  const [state = '', ...nexts] = row.trim().split(/ +/);
  return heads
    .trim()
    .split(/ +/)
    .map((event, at) => [state, event, nexts[at] ?? ''] as const);
});

describe('an upstream that is', () => {
  test('in any state, and meets any event, is in the table', () => {
    const pairs = STATES.flatMap((state) => EVENTS.map((event) => `${state} ${event}`));
    expect(cells.map(([state, event]) => `${state} ${event}`)).toEqual(pairs);
  });

  test.each(cells)('%s meets "%s" and goes to: %s', (state, event, next) => {
    const found = transition(state as (typeof STATES)[number], event as (typeof EVENTS)[number]);
    expect(found ?? '·').toBe(next);
  });

  test('draining or denied never gets a request again, whatever comes', () => {
    for (const state of ['draining', 'denied'] as const) {
      for (const event of EVENTS) expect([null, 'gone']).toContain(transition(state, event));
    }
  });

  test('healthy is never ejected by Redis alone: a lease or a record that is missing makes it suspect', () => {
    expect(
      ['expired', 'vanished'].map((event) => transition('healthy', event as 'expired')),
    ).toEqual(['suspect', 'suspect']);
    for (const event of ['expired', 'vanished', 'leased'] as const) {
      expect(transition('suspect', event)).not.toBe('failed');
    }
  });
});
