import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { defaults } from '../../src/defaults.ts';
import type { BeatReply } from '../../src/model/beat-reply.ts';
import { Connections } from '../../src/server/connections.ts';
import { type RetireDeps, retire, retireWorker } from '../../src/server/drain.ts';
import { fakeClock } from '../helpers/fake-clock.ts';

const LIMITS = { ackWaitMs: 3_000, closeIdleAfterAckMs: 250 };
const DRAIN_MS = 30_000;

/** A server with one request that never gets its answer, and doors that have said this much. */
async function busy(reply: Partial<BeatReply> | null) {
  const server = createServer();
  const connections = new Connections(server, () => false, defaults);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = connect(port, '127.0.0.1');
  client.on('error', () => {});
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await once(server, 'request');
  onTestFinished(() => {
    client.destroy();
    server.close();
  });
  const clock = fakeClock();
  const beganMs = clock.nowMs();
  const steps: string[] = [];
  const note = (what: string) => steps.push(`${what} after ${clock.nowMs() - beganMs} ms`);
  const cutting = new AbortController();
  const deps: RetireDeps = {
    connections,
    look: async () => reply as BeatReply | null,
    doorsLeft: () => note('doors left'),
    stopListening: () => note('listens no more'),
    cut: cutting.signal,
    clock,
  };
  return { deps, connections, steps, cutting, sinceMs: () => clock.nowMs() - beganMs };
}

describe('a server that leaves, by a clock of the test’s', () => {
  test('lets requests go on for the whole drain limit, and cuts them then', async () => {
    const { deps, steps, sinceMs } = await busy({ doors: [], acks: [] });
    expect(await retire(deps, DRAIN_MS, LIMITS)).toBe(1);
    expect(steps).toEqual(['doors left after 0 ms', 'listens no more after 250 ms']);
    expect(sinceMs()).toBe(DRAIN_MS);
  });

  test.each([
    ['that does not acknowledge', { doors: ['d'], acks: [] }],
    ['that nobody can ask about, for Redis is away', null],
  ])('waits 3 s for a door %s, and no longer', async (_, reply) => {
    const { deps, steps, sinceMs } = await busy(reply);
    await retire(deps, DRAIN_MS, LIMITS);
    expect(steps[0]).toMatch(/^doors left after 30[0-4]\d ms$/);
    expect(sinceMs()).toBeGreaterThanOrEqual(DRAIN_MS);
    expect(sinceMs()).toBeLessThan(DRAIN_MS + 50); // a pause that had begun
  });

  test('ends at once where it is cut off meanwhile', async () => {
    const { deps, cutting, sinceMs } = await busy({ doors: ['d'], acks: [] });
    cutting.abort();
    expect(await retire(deps, DRAIN_MS, LIMITS)).toBe(1);
    expect(sinceMs()).toBe(0);
  });

  test('and is a worker gets the whole drain limit for its work', async () => {
    const { deps, sinceMs } = await busy({ doors: [], acks: [] });
    await retireWorker(deps, () => new Promise(() => {}), DRAIN_MS);
    expect(sinceMs()).toBe(DRAIN_MS);
  });
});
