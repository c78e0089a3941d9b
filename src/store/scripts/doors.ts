import { clock, soft } from './clock.ts';

/**
 * Reads the live doors and what they say.
 * KEYS doors. ARGV prefix of a door's key.
 */
export const readDoors = `#!lua flags=no-writes,allow-oom
${clock}${soft}
local reply = {}
for _, id in ipairs(soft('ZRANGEBYSCORE', KEYS[1], now, '+inf') or {}) do
  reply[#reply + 1] = id
  reply[#reply + 1] = soft('GET', ARGV[1] .. id) or false
end
return reply
`;

/**
 * Writes a door and renews its lease.
 * KEYS doors door. ARGV id record leaseMs, lifetime of the record in ms.
 */
export const beatDoor = `#!lua flags=allow-oom
${clock}
redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[4])
return 1
`;

/** Forgets a door. KEYS doors door. ARGV id. */
export const leaveDoor = `#!lua flags=allow-oom
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('DEL', KEYS[2])
return 1
`;

/**
 * A door sends a server nothing any more, which only one that has not left wants to know.
 * KEYS acks servers. ARGV door id, ttlSeconds, server id.
 */
export const acknowledge = `#!lua flags=allow-oom
${soft}
if soft('HEXISTS', KEYS[2], ARGV[3]) == 0 then return 0 end
redis.call('SADD', KEYS[1], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
`;
