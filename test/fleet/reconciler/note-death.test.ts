import { expect, test } from 'vitest';
import { defaults } from '../../../src/defaults.ts';
import { noteCrashed, noteLost } from '../../../src/fleet/reconciler/note-death.ts';
import type { NewEvent } from '../../../src/model/event.ts';

function listener() {
  const told: NewEvent[] = [];
  return { told, note: (event: NewEvent) => void told.push(event) };
}

test('a death is told with the process that ended, by the keeper', () => {
  const events = listener();
  noteLost(events, { id: 'abc234', pid: 12 });
  const why = 'its process 12 ended without leaving';
  expect(events.told).toEqual([{ kind: 'lost', server: 'abc234', by: 'keeper', why }]);
});

test.each([
  ['again', []],
  ['again-slowly', []],
  ['crashed', [{ server: 'abc234', by: 'keeper', why: 'died 5 times within 60 s' }]],
] as const)('a server that is %s after its death is told as given up: %j', (next, told) => {
  const events = listener();
  noteCrashed(events, 'abc234', { next, delayMs: 0, count: 5 }, defaults);
  expect(events.told).toEqual(told.map((event) => ({ kind: 'crashed', ...event })));
});
