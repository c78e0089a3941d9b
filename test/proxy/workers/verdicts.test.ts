import { expect, test } from 'vitest';
import { doorOptions } from '../../../src/proxy/options.ts';
import type { UpstreamState } from '../../../src/proxy/upstream/states.ts';
import type { FromWorker, ToWorker } from '../../../src/proxy/workers/messages.ts';
import { SuspectTargets } from '../../../src/proxy/workers/shared-client.ts';
import { SharedPool } from '../../../src/proxy/workers/shared-pool.ts';
import { Verdicts } from '../../../src/proxy/workers/verdicts.ts';
import { WorkerHandle } from '../../../src/proxy/workers/worker-handle.ts';

/** The list of poison of a door, and the targets that one of its workers looks out for. */
function verdicts(options = {}) {
  const answered: FromWorker[] = [];
  const suspects = new SuspectTargets({ send: (message) => answered.push(message) }, []);
  const send = (message: ToWorker) => {
    if (message.do === 'suspect') suspects.add(message.target);
    if (message.do === 'clear') suspects.delete(message.target);
  };
  const worker = new WorkerHandle(1, { pid: 1, send, destroy() {} });
  const pool = new SharedPool(() => [worker], { turns() {}, came() {}, left() {} });
  const list = new Verdicts({ pool, tellAll: send, say() {} }, doorOptions(options));
  const broke = (server: string, path: string, state: UpstreamState = 'healthy') => {
    const breaking = { server, state, method: 'GET', path, repeated: false };
    list.judge(worker, { is: 'broke', question: 0, breaking, decision: false });
  };
  const report = (...ids: string[]) => {
    const none = { connections: 0, requests: 0, figures: null, notes: [] };
    const seen = {
      reason: '',
      state: 'healthy' as const,
      inflight: 0,
      queued: 0,
      probeSoon: false,
    };
    const servers = ids.map((id) => ({ id, url: 'http://127.0.0.1:3001', ...seen }));
    const usage = { cpuMs: 0, rss: 0, heap: 0, files: null };
    worker.told({ is: 'report', seq: 1, servers, ...none, usage });
    pool.update();
  };
  return { ...{ answered, suspects, list, broke, report } };
}

test('workers look out for no more targets than the door remembers', () => {
  const { answered, suspects, list, broke } = verdicts({ maxPoison: 3 });
  for (let at = 0; at < 10; at += 1) broke(`aaaaa${at}`, `/${at}`);
  for (let at = 0; at < 10; at += 1) suspects.answered('GET', `/${at}`);
  const targets = answered.map((message) => message.is === 'answered' && message.target);
  expect(targets).toEqual(['GET /7', 'GET /8', 'GET /9']);
  expect(list.poison.keys()).toEqual(targets);
});

test('a server that broke twice and is gone since died once', () => {
  const { list, broke } = verdicts();
  broke('aaaaaa', '/');
  broke('aaaaaa', '/');
  expect(list.poison.named()).toEqual([]);
  broke('bbbbbb', '/');
  expect(list.poison.named()).toEqual(['GET /']);
});

test('one that left in order, and is gone since, has not died', () => {
  const { list, broke } = verdicts();
  broke('aaaaaa', '/', 'draining');
  broke('bbbbbb', '/', 'draining');
  broke('cccccc', '/');
  expect(list.poison.named()).toEqual([]);
});

test('one that broke has not shown itself alive before its worker says so', () => {
  const { list, broke, report } = verdicts();
  report('aaaaaa', 'bbbbbb');
  broke('aaaaaa', '/');
  broke('bbbbbb', '/');
  expect(list.poison.named()).toEqual(['GET /']);
  broke('aaaaaa', '/other');
  report('aaaaaa', 'bbbbbb');
  broke('bbbbbb', '/other');
  expect(list.poison.named()).toEqual(['GET /']);
});

test('one that vanished while it seemed well has died', () => {
  const { list, broke, report } = verdicts();
  report('aaaaaa', 'bbbbbb');
  broke('aaaaaa', '/');
  report('bbbbbb');
  broke('bbbbbb', '/');
  expect(list.poison.named()).toEqual(['GET /']);
});
