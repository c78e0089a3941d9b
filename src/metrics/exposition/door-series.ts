import { each, histogram, one, type Series, seconds } from './series.ts';
import type { Scraped } from './source.ts';

const DURATION = 'meowctl_request_duration_seconds';

/** What one door counts, of all that goes through it. None of these ever goes back. */
export const doorSeries: readonly Series<Scraped>[] = [
  {
    name: 'meowctl_requests_total',
    help: 'Requests by what the client got: its class of status, or 499 where it left before an answer began.',
    type: 'counter',
    read: ({ counted }) => each(counted.total.byClass, 'code'),
  },
  {
    name: DURATION,
    help: 'How long requests took, without WebSockets and event streams.',
    type: 'histogram',
    read: ({ counted }) => histogram(DURATION, counted.total),
  },
  {
    name: 'meowctl_requests_in_flight',
    help: 'Requests and WebSockets that servers have now.',
    type: 'gauge',
    read: ({ servers }) => one(servers.reduce((sum, { inflight }) => sum + inflight, 0)),
  },
  {
    name: 'meowctl_own_responses_total',
    help: 'Answers that the door gave itself, with the reason.',
    type: 'counter',
    read: ({ counted }) =>
      counted.ownAnswers.map(({ reason, status, count }) => ({
        labels: { code: String(status), reason },
        value: count,
      })),
  },
  {
    name: 'meowctl_retries_total',
    help: 'Attempts that were repeated with another server: no connection, it broke off, or it was given up.',
    type: 'counter',
    read: ({ counted }) => each(counted.total.retries, 'kind'),
  },
  {
    name: 'meowctl_ejections_total',
    help: 'How often a server was taken out of the rotation, by cause.',
    type: 'counter',
    read: ({ counted }) => each(counted.total.ejections, 'cause'),
  },
  {
    name: 'meowctl_probes_total',
    help: 'Health checks that the door made, by result.',
    type: 'counter',
    read: ({ counted }) => each(counted.total.probes, 'result'),
  },
  {
    name: 'meowctl_client_connections',
    help: 'Connections of clients that are open.',
    type: 'gauge',
    read: ({ counted }) => one(counted.clients.open),
  },
  {
    name: 'meowctl_received_bytes_total',
    help: 'Bytes that clients sent, heads and WebSockets included, as their sockets count them.',
    type: 'counter',
    read: ({ counted }) => one(counted.clients.bytesIn),
  },
  {
    name: 'meowctl_sent_bytes_total',
    help: 'Bytes that went to clients, heads and WebSockets included, as their sockets count them.',
    type: 'counter',
    read: ({ counted }) => one(counted.clients.bytesOut),
  },
  {
    name: 'meowctl_websockets_open',
    help: 'WebSockets that are open.',
    type: 'gauge',
    read: ({ counted }) => one(counted.total.webSockets),
  },
  {
    name: 'meowctl_event_streams_open',
    help: 'Event streams that are open.',
    type: 'gauge',
    read: ({ counted }) => one(counted.total.streams),
  },
  {
    name: 'meowctl_servers',
    help: 'Servers by what this door does with them.',
    type: 'gauge',
    read: ({ servers }) => {
      const states = { usable: 0, doubtful: 0, draining: 0, out: 0 };
      for (const { state } of servers) states[state] += 1;
      return each(states, 'state');
    },
  },
  {
    name: 'meowctl_queue_pictures',
    help: 'Pictures that wait in the queue; none told while Redis is away.',
    type: 'gauge',
    read: ({ queue }) => one(queue?.pictures),
  },
  {
    name: 'meowctl_queue_bytes',
    help: 'Bytes of the pictures that wait; none told while Redis is away.',
    type: 'gauge',
    read: ({ queue }) => one(queue?.bytes),
  },
  {
    name: 'meowctl_queue_delivering',
    help: 'Pictures that are being delivered; none told while Redis is away.',
    type: 'gauge',
    read: ({ queue }) => one(queue?.delivering),
  },
  {
    name: 'meowctl_redis_connected',
    help: 'Whether the door is connected to Redis.',
    type: 'gauge',
    read: ({ redis }) => one(redis.connected ? 1 : 0),
  },
  {
    name: 'meowctl_redis_away_since_timestamp_seconds',
    help: 'Since when Redis is away; not told while it is there.',
    type: 'gauge',
    read: ({ redis }) => one(redis.since && seconds(redis.since)),
  },
  {
    name: 'meowctl_redis_last_command_duration_seconds',
    help: 'How long the last command to Redis took.',
    type: 'gauge',
    read: ({ redis }) => one(redis.latencyMs && seconds(redis.latencyMs)),
  },
];
