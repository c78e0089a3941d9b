import { getHeapStatistics } from 'node:v8';
import { openFiles, residentBytes } from '../own-process.ts';
import type { WorkersView, WorkerUsage } from '../workers-view.ts';
import { cleaned, one, type Series, seconds } from './series.ts';
import type { Scraped } from './source.ts';

const US_PER_SECOND = 1e6;

/** The door's own process and its workers, under the names that every client library of Prometheus uses. */
export const processSeries: readonly Series<Scraped>[] = [
  {
    name: 'meowctl_build_info',
    help: 'The door that tells all this, with its version.',
    type: 'gauge',
    read: ({ door: { id, version } }) => [
      { labels: cleaned({ door: id, version, node: process.version }), value: 1 },
    ],
  },
  {
    name: 'process_cpu_seconds_total',
    help: 'CPU time of the door so far, its workers included.',
    type: 'counter',
    read: ({ workers }) => {
      const { user, system } = process.cpuUsage();
      const past = seconds(workers?.pastCpuMs ?? 0);
      const now = seconds(ofWorkers(workers, ({ cpuMs }) => cpuMs));
      return one((user + system) / US_PER_SECOND + past + now);
    },
  },
  {
    name: 'process_resident_memory_bytes',
    help: 'Memory of the door, its workers included.',
    type: 'gauge',
    read: ({ workers }) => withWorkers(residentBytes(), workers, ({ rss }) => rss),
  },
  {
    name: 'process_start_time_seconds',
    help: 'When the door started.',
    type: 'gauge',
    read: () => one(seconds(performance.timeOrigin)),
  },
  {
    name: 'process_open_fds',
    help: 'Files and sockets that the door has open, its workers included; told on Linux alone.',
    type: 'gauge',
    read: ({ workers }) => withWorkers(openFiles(), workers, ({ files }) => files ?? 0),
  },
  {
    name: 'nodejs_heap_size_used_bytes',
    help: 'JavaScript objects in the memory of the door, its workers included.',
    type: 'gauge',
    read: ({ workers }) =>
      one(getHeapStatistics().used_heap_size + ofWorkers(workers, ({ heap }) => heap)),
  },
  {
    name: 'meowctl_door_workers',
    help: 'Workers of the door by state; told where it has several.',
    type: 'gauge',
    read: ({ workers }) =>
      (workers ? (['starting', 'serving', 'leaving'] as const) : []).map((state) => ({
        labels: { state },
        value: workers?.workers.filter((worker) => worker.state === state).length ?? 0,
      })),
  },
  {
    name: 'meowctl_door_worker_deaths_total',
    help: 'Workers of the door that ended without being told to; told where it has several.',
    type: 'counter',
    read: ({ workers }) => one(workers?.deaths),
  },
  {
    name: 'meowctl_door_worker_client_connections',
    help: 'Connections of clients by worker, those of one that leaves left out.',
    type: 'gauge',
    read: ({ workers }) =>
      (workers?.workers ?? [])
        .filter(({ state }) => state === 'serving')
        .map(({ slot, connections }) => ({ labels: { worker: String(slot) }, value: connections })),
  },
];

function withWorkers(own: number | null, ...others: Parameters<typeof ofWorkers>) {
  return own === null ? [] : one(own + ofWorkers(...others));
}

function ofWorkers(
  view: WorkersView | null | undefined,
  read: (usage: WorkerUsage) => number,
): number {
  return (view?.workers ?? []).reduce((sum, { usage }) => sum + read(usage), 0);
}
