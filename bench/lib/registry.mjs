const ALPHABET = 'abcdefghijklmnopqrstuvwxyz23456789';
const ID_LENGTH = 6;
const LEASE_MS = 3_600_000;

/** The n-th server id: six characters, as src/ids.ts makes them. */
export function serverId(n) {
  let id = '';
  for (let rest = n; id.length < ID_LENGTH; rest = Math.floor(rest / ALPHABET.length)) {
    id = ALPHABET[rest % ALPHABET.length] + id;
  }
  return id;
}

/**
 * Writes servers into Redis by hand, `up` and with an hour's lease: src/store/keys.ts.
 * @param {import('ioredis').Redis} redis
 * @param {string} namespace
 * @param {readonly { id: string, port: number, pid?: number, state?: string }[]} servers
 * @param {boolean} [hint] also tells doors that something has changed
 */
export async function writeServers(redis, namespace, servers, hint = false) {
  const [seconds] = await redis.time();
  const leaseEnd = Number(seconds) * 1_000 + LEASE_MS;
  const batch = redis.multi();
  for (const server of servers) {
    batch.hset(`{${namespace}}:servers`, server.id, JSON.stringify(recordOf(server)));
    batch.zadd(`{${namespace}}:leases`, leaseEnd, server.id);
  }
  if (hint) batch.publish(`{${namespace}}:changes`, servers[0].id);
  await batch.exec();
}

function recordOf({ id, port, pid = 4_000_000, state = 'up' }) {
  return {
    id,
    url: `http://127.0.0.1:${port}`,
    host: 'bench',
    bootId: '00000000-0000-4000-8000-000000000000',
    port,
    pid,
    pidStart: '1',
    app: 'cat',
    version: '0.0.0',
    state,
    startedAt: Date.now(),
    requests: 0,
    inflight: 0,
  };
}
