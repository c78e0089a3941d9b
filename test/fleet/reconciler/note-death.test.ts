import { expect, test } from 'vitest';
import { defaults } from '../../../src/defaults.ts';
import { noteCrashed, noteLost } from '../../../src/fleet/reconciler/note-death.ts';
import type { NewEvent } from '../../../src/model/event.ts';

function listener() {
  const told: NewEvent[] = [];
  return { told, note: (event: NewEvent) => void told.push(event) };
}

test('a death is told with the process that ended and how, where that is known, by the keeper', () => {
  const events = listener();
  for (const how of [null, 'was ended by SIGKILL', 'ended with exit code 3']) {
    noteLost(events, { id: 'abc234', pid: 12, how });
  }
  const whys = [
    'its process 12 ended without leaving',
    'its process 12 was ended by SIGKILL, without leaving',
    'its process 12 ended with exit code 3, without leaving',
  ];
  expect(events.told).toEqual(
    whys.map((why) => ({ kind: 'lost', server: 'abc234', by: 'keeper', why })),
  );
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
