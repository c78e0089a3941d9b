import { defaults } from '../../src/defaults.ts';
import { catSpec } from '../../src/model/app-spec.ts';
import type { DesiredServer } from '../../src/model/desired-server.ts';
import type { ServerRecord } from '../../src/model/server-record.ts';
import { type ConnectOptions, connectStore } from '../../src/store/connect.ts';
import type { Store } from '../../src/store/store.ts';

/** A store as the product opens it, on a test's own Redis. */
export function openStore(url: string, persistent = true, namespace = 'meow'): Promise<Store> {
  return openStoreWith({ url, persistent, namespace });
}

export function openStoreWith(options: Partial<ConnectOptions> & { url: string }): Promise<Store> {
  const limits = { connectMs: 2_000, commandMs: 1_000, settings: defaults };
  return connectStore({ namespace: 'meow', persistent: true, ...limits, ...options });
}

/** One with time, to lay out what a test needs on a busy machine. */
export function openPatientStore(url: string): Promise<Store> {
  const minuteMs = 60_000;
  return connectStore({
    url,
    namespace: 'meow',
    connectMs: minuteMs,
    commandMs: minuteMs,
    persistent: true,
    settings: defaults,
  });
}

/** A valid record, for tests that need a server known but not running. */
export function sampleRecord(over: Partial<ServerRecord> = {}): ServerRecord {
  const port = over.port ?? 3001;
  return {
    id: 'abc234',
    url: `http://127.0.0.1:${port}`,
    host: 'somewhere',
    bootId: 'boot',
    port,
    pid: 4_000_000,
    pidStart: '1',
    app: 'cat',
    version: '0.0.0',
    state: 'up',
    startedAt: Date.now(),
    requests: 0,
    inflight: 0,
    ...over,
  };
}

export function sampleDesired(over: Partial<DesiredServer> = {}): DesiredServer {
  return {
    app: 'cat',
    spec: catSpec,
    host: 'somewhere',
    bootId: 'boot',
    pid: 4_000_000,
    pidStart: '1',
    port: 3001,
    fixedPort: false,
    listenHost: '127.0.0.1',
    advertise: null,
    state: 'wanted',
    ...over,
  };
}
