import { expect, test } from 'vitest';
import { defaults } from '../../../src/defaults.ts';
import { stopAndRemember } from '../../../src/fleet/scale/stop-and-remember.ts';
import type { SignedServer } from '../../../src/model/desired-server.ts';
import { fakeClock } from '../../helpers/fake-clock.ts';
import { sampleDesired, sampleRecord } from '../../helpers/store.ts';

const signed = { hostId: 'h'.repeat(16), registry: 'r', namespace: 'meow', seal: '' };
const desired = (id: string, state: SignedServer['state']): SignedServer => ({
  ...sampleDesired({ state }),
  ...signed,
  id,
});

/** Two servers whose processes are gone already; what marks them, and when, is noted. */
function host(states: Readonly<Record<string, SignedServer['state']>>) {
  const here = new Map(Object.entries(states).map(([id, state]) => [id, desired(id, state)]));
  const serving = [...here.keys()].map((id) => sampleRecord({ id }));
  const clock = fakeClock();
  const marks: string[] = [];
  const mark = async ({ id }: SignedServer) => {
    marks.push(`${id} at ${clock.nowMs()}`);
    here.set(id, desired(id, 'stopped'));
    return true;
  };
  const stop = (signal = new AbortController().signal, look = async () => ({ serving, here })) =>
    stopAndRemember(
      { settings: defaults, registry: { note() {} }, desired: { mark } },
      look,
      signal,
      clock,
    );
  return { stop, marks, clock, here, serving };
}

test('servers are marked as stopped and then told to leave, each once', async () => {
  const { stop, marks } = host({ aaaaaa: 'wanted', bbbbbb: 'wanted' });
  const { gone, failed } = await stop();
  expect({ gone: gone.map(({ id }) => id), failed }).toEqual({
    gone: ['aaaaaa', 'bbbbbb'],
    failed: [],
  });
  expect(marks).toEqual(['aaaaaa at 0', 'bbbbbb at 0']);
});

test('one that somebody else has marked is told only when that one was cut off, it seems: after a lease', async () => {
  const { stop, marks } = host({ aaaaaa: 'stopped', bbbbbb: 'wanted' });
  const { gone } = await stop();
  expect(gone.map(({ id }) => id)).toEqual(['bbbbbb', 'aaaaaa']);
  const late = Number(/^aaaaaa at (\d+)$/.exec(marks.at(1) ?? '')?.[1]);
  expect(marks[0]).toBe('bbbbbb at 0');
  expect(late).toBeGreaterThan(defaults.leaseMs);
  expect(late).toBeLessThan(defaults.leaseMs + 200);
});

test('one that somebody else stops meanwhile is waited for, and not told by us', async () => {
  const { stop, marks, clock, here, serving } = host({ aaaaaa: 'stopped' });
  const look = async () => ({ serving: clock.nowMs() < 500 ? serving : [], here });
  expect(await stop(undefined, look)).toEqual({ gone: [], failed: [] });
  expect(marks).toEqual([]);
});

test('an interruption ends the waiting, and names those that are left', async () => {
  const { stop, clock, here, serving } = host({ aaaaaa: 'stopped' });
  const controller = new AbortController();
  const look = async () => {
    if (clock.nowMs() >= 100) controller.abort();
    return { serving, here };
  };
  const { failed } = await stop(controller.signal, look);
  expect(failed.map(({ message }) => message)).toEqual(['interrupted while waiting for aaaaaa']);
});
