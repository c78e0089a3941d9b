import { clock, soft } from './clock.ts';

/*
 * Every intent is signed by its host, which Lua cannot do: whoever changes one writes it whole, and
 * only over the text it knows.
 */

/**
 * Registers a server in place of one that is gone, if nobody else has done so: the old id's intent
 * is the lock. Its record goes with it.
 * KEYS servers leases intents. ARGV old id, id, record, intent, leaseMs, channel, old text.
 * Returns 1, or 0 when that text does not stand there any more.
 */
export const succeed = `#!lua flags=allow-oom
${clock}${soft}
if soft('HGET', KEYS[3], ARGV[1]) ~= ARGV[7] then return 0 end
redis.call('HDEL', KEYS[3], ARGV[1])
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HSET', KEYS[3], ARGV[2], ARGV[4])
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
redis.call('ZADD', KEYS[2], now + ARGV[5], ARGV[2])
redis.pcall('PUBLISH', ARGV[6], ARGV[1])
redis.pcall('PUBLISH', ARGV[6], ARGV[2])
return 1
`;

/**
 * Writes or removes an intent, if it stands as known.
 * KEYS intents. ARGV id, text before or '', text after or '', channel. Returns 1 or 0.
 */
export const swap = `#!lua flags=allow-oom
${soft}
if (soft('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then return 0 end
if ARGV[3] == '' then redis.call('HDEL', KEYS[1], ARGV[1])
else redis.call('HSET', KEYS[1], ARGV[1], ARGV[3]) end
redis.pcall('PUBLISH', ARGV[4], ARGV[1])
return 1
`;

/** Takes or renews the lock of a host's reconciler. KEYS reconciler. ARGV token leaseMs. Returns 1 or 0. */
export const keep = `#!lua flags=allow-oom
${soft}
local holder = soft('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
`;

/** The token of who holds the lock of a host's reconciler. KEYS reconciler. */
export const keeper = `#!lua flags=no-writes,allow-oom
${soft}
return soft('GET', KEYS[1]) or false
`;

/**
 * Takes or renews the lock of a reconciler of 0.1.0, which goes by the machine's name. Ours begin with a
 * mark of their own and share it: machines of one name are different hosts.
 * KEYS reconciler. ARGV token leaseMs mark. Returns 1 or 0.
 */
export const keepFromOld = `#!lua flags=allow-oom
${soft}
local holder = soft('GET', KEYS[1])
if holder and string.sub(holder, 1, #ARGV[3]) ~= ARGV[3] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
`;

/** Gives the lock back, if it is ours. KEYS reconciler. ARGV token. */
export const release = `#!lua flags=allow-oom
${soft}
if soft('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
`;
