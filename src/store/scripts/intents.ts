import { clock, soft } from './clock.ts';

/**
 * Registers a server in place of one that is gone, if nobody else has done so: the old id's intent
 * is the lock. Its record goes with it.
 * KEYS servers leases intents. ARGV old id, id, record, intent, leaseMs, channel.
 * Returns 1, or 0 when there is no such intent any more.
 */
export const succeed = `#!lua flags=allow-oom
${clock}${soft}
if soft('HEXISTS', KEYS[3], ARGV[1]) ~= 1 then return 0 end
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

/** Sets an intent's state, if it is there. KEYS intents. ARGV id state channel. */
export const mark = `#!lua flags=allow-oom
${soft}
local good, intent = pcall(cjson.decode, soft('HGET', KEYS[1], ARGV[1]) or '')
if not good or type(intent) ~= 'table' then return 0 end
intent.state = ARGV[2]
redis.call('HSET', KEYS[1], ARGV[1], cjson.encode(intent))
redis.pcall('PUBLISH', ARGV[3], ARGV[1])
return 1
`;

/** Takes or renews the lock of a host's keeper. KEYS keeper. ARGV token leaseMs. Returns 1 or 0. */
export const keep = `#!lua flags=allow-oom
${soft}
local holder = soft('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
`;

/** The token of who holds the lock of a host's keeper. KEYS keeper. */
export const keeper = `#!lua flags=no-writes,allow-oom
${soft}
return soft('GET', KEYS[1]) or false
`;

/** Gives the lock back, if it is ours. KEYS keeper. ARGV token. */
export const release = `#!lua flags=allow-oom
${soft}
if soft('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
`;
