import type { ServerFigures, ServerRecord } from '../../model/server-record.ts';
import type { Counts } from '../tally.ts';
import { cleaned, each, histogram, type Sample, type Series, seconds } from './series.ts';
import type { Scraped } from './source.ts';

const DURATION = 'meowctl_server_request_duration_seconds';

/** Of each server what the door counted, for some minutes after it has gone; and what it says of itself. */
export const serverSeries: readonly Series<Scraped>[] = [
  {
    name: 'meowctl_server_info',
    help: 'Servers that have a record, with their address.',
    type: 'gauge',
    read: ({ records }) =>
      records.map(({ id, url, host, version }) => ({
        labels: cleaned({ server: id, url, host, version }),
        value: 1,
      })),
  },
  {
    name: 'meowctl_server_usable',
    help: 'Whether this door sends it requests.',
    type: 'gauge',
    read: ({ servers }) =>
      servers.map(({ id, state }) => ({
        labels: { server: id },
        value: state === 'usable' || state === 'doubtful' ? 1 : 0,
      })),
  },
  {
    name: 'meowctl_server_requests_in_flight',
    help: 'Requests and WebSockets that it has now from this door.',
    type: 'gauge',
    read: ({ servers }) =>
      servers.map(({ id, inflight }) => ({ labels: { server: id }, value: inflight })),
  },
  {
    name: 'meowctl_server_requests_total',
    help: 'Requests that were sent to it last, by what the client got.',
    type: 'counter',
    read: (scraped) => counted(scraped, ({ byClass }, labels) => each(byClass, 'code', labels)),
  },
  {
    name: DURATION,
    help: 'How long its requests took, without WebSockets and event streams.',
    type: 'histogram',
    read: (scraped) => counted(scraped, (counts, labels) => histogram(DURATION, counts, labels)),
  },
  {
    name: 'meowctl_server_retries_total',
    help: 'Attempts at it that were repeated with another server.',
    type: 'counter',
    read: (scraped) => counted(scraped, ({ retries }, labels) => each(retries, 'kind', labels)),
  },
  {
    name: 'meowctl_server_ejections_total',
    help: 'How often it was taken out of the rotation, by cause.',
    type: 'counter',
    read: (scraped) =>
      counted(scraped, ({ ejections }, labels) => each(ejections, 'cause', labels)),
  },
  {
    name: 'meowctl_server_probes_total',
    help: 'Health checks that the door made of it, by result.',
    type: 'counter',
    read: (scraped) => counted(scraped, ({ probes }, labels) => each(probes, 'result', labels)),
  },
  {
    name: 'meowctl_server_received_bytes_total',
    help: 'Bytes that the door had from it, as their sockets count them.',
    type: 'counter',
    read: (scraped) => counted(scraped, ({ bytesFrom: value }, labels) => [{ labels, value }]),
  },
  {
    name: 'meowctl_server_sent_bytes_total',
    help: 'Bytes that the door sent it, as their sockets count them.',
    type: 'counter',
    read: (scraped) => counted(scraped, ({ bytesTo: value }, labels) => [{ labels, value }]),
  },
  {
    name: 'meowctl_server_websockets_open',
    help: 'WebSockets that are open to it.',
    type: 'gauge',
    read: (scraped) => counted(scraped, ({ webSockets: value }, labels) => [{ labels, value }]),
  },
  {
    name: 'meowctl_server_event_streams_open',
    help: 'Event streams that are open from it.',
    type: 'gauge',
    read: (scraped) => counted(scraped, ({ streams: value }, labels) => [{ labels, value }]),
  },
  {
    name: 'meowctl_server_start_time_seconds',
    help: 'When it started, by its own clock.',
    type: 'gauge',
    read: ({ records }) => said(records, ({ startedAt }) => seconds(startedAt)),
  },
  {
    name: 'meowctl_server_resident_memory_bytes',
    help: 'Memory of its process; of a program, of its process group.',
    type: 'gauge',
    read: ({ records }) => told(records, ({ rss }) => rss),
  },
  {
    name: 'meowctl_server_cpu_seconds_total',
    help: 'CPU time of its process so far; of a program, of its process group.',
    type: 'counter',
    read: ({ records }) => told(records, ({ cpuMs }) => cpuMs && seconds(cpuMs)),
  },
  {
    name: 'meowctl_server_heap_used_bytes',
    help: 'JavaScript objects in its memory; not told of programs.',
    type: 'gauge',
    read: ({ records }) => told(records, ({ heap }) => heap),
  },
  {
    name: 'meowctl_server_event_loop_delay_seconds',
    help: 'How late its event loop was at its last beat, 99th percentile; not told of programs.',
    type: 'gauge',
    read: ({ records }) => told(records, ({ loopMs }) => loopMs && seconds(loopMs)),
  },
  {
    name: 'meowctl_server_restarts',
    help: 'How often it was started again after its end, under another id each time.',
    type: 'gauge',
    read: ({ records }) => told(records, ({ restarts }) => restarts),
  },
];

function counted(
  { counted: { servers } }: Scraped,
  read: (counts: Counts, labels: { readonly server: string }) => Sample[],
): Sample[] {
  return [...servers].flatMap(([server, counts]) => read(counts, { server }));
}

function told(
  records: readonly ServerRecord[],
  read: (figures: ServerFigures) => number | null,
): Sample[] {
  return said(records, ({ figures }) => (figures ? read(figures) : null));
}

function said(
  records: readonly ServerRecord[],
  read: (record: ServerRecord) => number | null,
): Sample[] {
  return records.flatMap((record) => {
    const value = read(record);
    return value === null ? [] : [{ labels: { server: record.id }, value }];
  });
}
