import { expect, test } from 'vitest';
import type { UpstreamState } from '../../../src/proxy/upstream/states.ts';
import type { SeenServer } from '../../../src/proxy/workers/messages.ts';
import { SharedPool } from '../../../src/proxy/workers/shared-pool.ts';
import { WorkerHandle } from '../../../src/proxy/workers/worker-handle.ts';

const usage = { cpuMs: 0, rss: 0, heap: 0, files: null };

function seen(state: UpstreamState, more: Partial<SeenServer> = {}): SeenServer {
  const usual = { reason: '', inflight: 0, queued: 0, probeSoon: false };
  return { id: 'aaaaaa', url: 'http://127.0.0.1:3001', state, ...usual, ...more };
}

function supervisor(count: number) {
  const workers = Array.from({ length: count }, (_, at) => {
    const worker = new WorkerHandle(at + 1, { pid: at + 1, send() {}, destroy() {} });
    worker.state = 'serving';
    return worker;
  });
  const told: string[] = [];
  const pool = new SharedPool(() => workers, {
    turns: ({ id, state }, to, why) => told.push(`${id}: ${state} to ${to} ${why}`.trim()),
    came: (id) => told.push(`${id} came`),
    left: (id) => told.push(`${id} left`),
  });
  const report = (at: number, seq: number, ...servers: SeenServer[]) => {
    const none = { connections: 0, requests: 0, figures: null, notes: [], usage };
    workers[at]?.told({ is: 'report', seq, servers, ...none });
    pool.update();
  };
  const one = () => pool.all()[0];
  return { workers, pool, told, report, one };
}

test.each<[UpstreamState, UpstreamState, UpstreamState]>([
  ['healthy', 'healthy', 'healthy'],
  ['healthy', 'suspect', 'suspect'],
  ['healthy', 'failed', 'failed'],
  ['starting', 'healthy', 'starting'],
  ['failed', 'suspect', 'failed'],
])('a server that is %s for one worker and %s for another is %s', (a, b, both) => {
  const { report, one } = supervisor(2);
  report(0, 1, seen(a));
  report(1, 1, seen(b));
  expect(one()?.state).toBe(both);
});

test('requests of all workers are counted, and where they differ it says how many', () => {
  const { report, one, told } = supervisor(2);
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
  const { workers, pool, report, one } = supervisor(3);
  for (const at of [0, 1, 2]) report(at, 1, seen('healthy'));
  pool.drain(['aaaaaa'], 2);
  const lets = () => [one()?.state, one()?.queued];
  report(0, 2, seen('draining'));
  report(1, 2, seen('draining', { queued: 1 }));
  expect(lets()).toEqual(['draining', 1]);
  report(1, 2, seen('draining'));
  // The third has not read it yet, whatever it found out by itself.
  report(2, 1, seen('draining'));
  expect(lets()).toEqual(['draining', 1]);
  // One that leaves still has requests.
  (workers[2] as WorkerHandle).state = 'leaving';
  pool.update();
  expect(lets()).toEqual(['draining', 1]);
  workers.splice(2, 1);
  pool.update();
  expect(lets()).toEqual(['draining', 0]);
});

test('a server is gone when no worker has it any more', () => {
  const { report, pool, told } = supervisor(2);
  report(0, 1, seen('healthy'));
  report(1, 1, seen('healthy'));
  report(0, 2);
  expect(pool.all()).toHaveLength(1);
  report(1, 2);
  expect([pool.all(), told.at(-1)]).toEqual([[], 'aaaaaa left']);
});
