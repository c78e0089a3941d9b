import { expect, test } from 'vitest';
import type { UpstreamState } from '../../../src/proxy/upstream/states.ts';
import { Member } from '../../../src/proxy/workers/member.ts';
import type { SeenServer } from '../../../src/proxy/workers/messages.ts';
import { SharedRoster } from '../../../src/proxy/workers/shared-roster.ts';

const usage = { cpuMs: 0, rss: 0, heap: 0, files: null };

function seen(state: UpstreamState, more: Partial<SeenServer> = {}): SeenServer {
  const usual = { reason: '', inflight: 0, queued: 0, probeSoon: false };
  return { id: 'aaaaaa', url: 'http://127.0.0.1:3001', state, ...usual, ...more };
}

function crew(count: number) {
  const members = Array.from({ length: count }, (_, at) => {
    const member = new Member(at + 1, { pid: at + 1, send() {}, destroy() {} });
    member.state = 'serving';
    return member;
  });
  const told: string[] = [];
  const roster = new SharedRoster(() => members, {
    turns: ({ id, state }, to, why) => told.push(`${id}: ${state} to ${to} ${why}`.trim()),
    came: (id) => told.push(`${id} came`),
    left: (id) => told.push(`${id} left`),
  });
  const report = (at: number, seq: number, ...servers: SeenServer[]) => {
    const none = { connections: 0, requests: 0, figures: null, notes: [], usage };
    members[at]?.told({ is: 'report', seq, servers, ...none });
    roster.update();
  };
  const one = () => roster.all()[0];
  return { members, roster, told, report, one };
}

test.each<[UpstreamState, UpstreamState, UpstreamState]>([
  ['healthy', 'healthy', 'healthy'],
  ['healthy', 'suspect', 'suspect'],
  ['healthy', 'failed', 'failed'],
  ['starting', 'healthy', 'starting'],
  ['failed', 'suspect', 'failed'],
])('a server that is %s for one worker and %s for another is %s', (a, b, both) => {
  const { report, one } = crew(2);
  report(0, 1, seen(a));
  report(1, 1, seen(b));
  expect(one()?.state).toBe(both);
});

test('requests of all workers are counted, and where they differ it says how many', () => {
  const { report, one, told } = crew(2);
  report(0, 1, seen('healthy', { inflight: 2 }));
  report(1, 1, seen('failed', { inflight: 1, reason: 'connection refused' }));
  expect(one()).toMatchObject({ inflight: 3, reason: 'connection refused (1 of 2 workers)' });
  report(1, 2, seen('healthy'));
  expect(told.slice(1)).toEqual([
    'aaaaaa: starting to healthy',
    'aaaaaa: healthy to failed connection refused (1 of 2 workers)',
    'aaaaaa: failed to healthy',
  ]);
});

test('a draining server is let go when every worker has read that it drains and has nothing queued for it', () => {
  const { members, roster, report, one } = crew(3);
  for (const at of [0, 1, 2]) report(at, 1, seen('healthy'));
  roster.drain(['aaaaaa'], 2);
  const lets = () => [one()?.state, one()?.queued];
  report(0, 2, seen('draining'));
  report(1, 2, seen('draining', { queued: 1 }));
  expect(lets()).toEqual(['draining', 1]);
  report(1, 2, seen('draining'));
  // The third has not read it yet, whatever it found out by itself.
  report(2, 1, seen('draining'));
  expect(lets()).toEqual(['draining', 1]);
  // One that leaves still has requests.
  (members[2] as Member).state = 'leaving';
  roster.update();
  expect(lets()).toEqual(['draining', 1]);
  members.splice(2, 1);
  roster.update();
  expect(lets()).toEqual(['draining', 0]);
});

test('a server is gone when no worker has it any more', () => {
  const { report, roster, told } = crew(2);
  report(0, 1, seen('healthy'));
  report(1, 1, seen('healthy'));
  report(0, 2);
  expect(roster.all()).toHaveLength(1);
  report(1, 2);
  expect([roster.all(), told.at(-1)]).toEqual([[], 'aaaaaa left']);
});
