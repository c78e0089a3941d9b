import type { RosterView } from '../../model/records.ts';

/**
 * The addresses that several live records claim. A record whose lease ran out contests nothing: a
 * restarted server may well have its old port.
 */
export function contestedUrls({ servers }: RosterView): ReadonlySet<string> {
  const urls = new Set<string>();
  const contested = new Set<string>();
  for (const { record, leaseLeftMs } of servers) {
    if (leaseLeftMs === null || leaseLeftMs <= 0 || record.state === 'draining') continue;
    (urls.has(record.url) ? contested : urls).add(record.url);
  }
  return contested;
}
