import { expect, test } from 'vitest';
import { defaults } from '../../../src/defaults.ts';
import { noteDeath } from '../../../src/fleet/reconciler/note-death.ts';
import type { NewEvent } from '../../../src/model/event.ts';

test.each([
  ['again', ['lost']],
  ['again-slowly', ['lost']],
  ['crashed', ['lost', 'crashed']],
] as const)('a death after which a server is %s is told as %j, by the keeper', (next, kinds) => {
  const told: NewEvent[] = [];
  const registry = { note: (event: NewEvent) => void told.push(event) };
  noteDeath(registry, { next, delayMs: 0, count: 5 }, { id: 'abc234', pid: 12 }, defaults);
  expect(told.map(({ kind }) => kind)).toEqual(kinds);
  for (const event of told) expect(event).toMatchObject({ server: 'abc234', by: 'keeper' });
  expect(told[0]?.why).toBe('its process 12 ended without leaving');
  if (next === 'crashed') expect(told[1]?.why).toBe('died 5 times within 60 s');
});
