import { readdirSync } from 'node:fs';
import { getHeapStatistics } from 'node:v8';
import { cleaned, one, type Series, seconds } from './series.ts';
import type { Scraped } from './source.ts';

const US_PER_SECOND = 1e6;

/** The door's own process, under the names that every client library of Prometheus uses. */
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
    help: 'CPU time of the door so far.',
    type: 'counter',
    read: () => {
      const { user, system } = process.cpuUsage();
      return one((user + system) / US_PER_SECOND);
    },
  },
  {
    name: 'process_resident_memory_bytes',
    help: 'Memory of the door.',
    type: 'gauge',
    read: () => one(process.memoryUsage.rss()),
  },
  {
    name: 'process_start_time_seconds',
    help: 'When the door started.',
    type: 'gauge',
    read: () => one(seconds(performance.timeOrigin)),
  },
  {
    name: 'process_open_fds',
    help: 'Files and sockets that the door has open; told on Linux alone.',
    type: 'gauge',
    read: () => one(process.platform === 'linux' ? readdirSync('/proc/self/fd').length : null),
  },
  {
    name: 'nodejs_heap_size_used_bytes',
    help: 'JavaScript objects in the memory of the door.',
    type: 'gauge',
    read: () => one(getHeapStatistics().used_heap_size),
  },
];
