import { expect, test } from 'vitest';
import { type RequestNote, RequestNotes } from '../../src/proxy/request-notes.ts';

const note = (id: string, over: Partial<RequestNote> = {}): RequestNote => ({
  ...{ id, at: 1, method: 'GET', path: '/', server: null, status: 502, durationMs: 1 },
  ...{ tried: ['abc234'], failures: [], trouble: null },
  ...over,
});

test('a door remembers the newest requests that had trouble, and no more than it may', () => {
  const notes = new RequestNotes(3);
  expect(notes.find({})).toEqual([]);
  for (const id of ['a', 'b', 'c', 'd']) notes.add(note(id));
  expect(notes.find({}).map(({ id }) => id)).toEqual(['d', 'c', 'b']);
});

test('requests are found by their id, or by a server that was asked', () => {
  const notes = new RequestNotes(9);
  notes.add(note('a'));
  notes.add(note('b', { tried: ['abc234', 'def234'] }));
  notes.add(note('a', { status: 504 }));
  expect(notes.find({ id: 'a' }).map(({ status }) => status)).toEqual([504, 502]);
  expect(notes.find({ server: 'def234' }).map(({ id }) => id)).toEqual(['b']);
  expect(notes.find({ id: 'a', server: 'def234' })).toEqual([]);
});

test('a long path is cut, so that what is remembered stays small', () => {
  const notes = new RequestNotes(1);
  notes.add(note('a', { path: `/${'x'.repeat(10_000)}` }));
  expect(notes.find({})[0]?.path).toHaveLength(200);
});
