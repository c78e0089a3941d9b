import { clock, soft } from './clock.ts';

/*
 * The registry's scripts. All may run when Redis is out of memory (`allow-oom`): what they write
 * replaces what was there, and a fleet must stay known when pictures have filled the memory.
 * PUBLISH goes by `pcall`: without the right to the channel all is still written, and readers look
 * every second anyway.
 */

/**
 * Renews a server. Written twice or late it does no harm: the record says what it said.
 * KEYS servers leases intents order doors acks.
 * ARGV id record leaseMs intent|'' channel announce('1'|'0').
 * Returns order|false, ids of live doors, ids of doors that acknowledged.
 */
export const beat = `#!lua flags=allow-oom
${clock}${soft}
local fresh = redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], now + ARGV[3], ARGV[1])
local order = soft('GET', KEYS[4]) or false
if ARGV[4] ~= '' and not order then soft('HSETNX', KEYS[3], ARGV[1], ARGV[4]) end
if fresh == 1 or ARGV[6] == '1' then redis.pcall('PUBLISH', ARGV[5], ARGV[1]) end
return {
  order,
  soft('ZRANGEBYSCORE', KEYS[5], now, '+inf') or {},
  soft('SMEMBERS', KEYS[6]) or {},
}
`;

/**
 * Forgets a server that leaves. Without an order its intent stays: as stopped, or as it was when
 * the server died.
 * KEYS servers leases intents order acks. ARGV id channel died('1'|'0').
 */
export const deregister = `#!lua flags=allow-oom
${soft}
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
local ordered = redis.call('DEL', KEYS[4])
redis.call('DEL', KEYS[5])
if ordered == 0 and ARGV[3] ~= '1' then
  local good, intent = pcall(cjson.decode, soft('HGET', KEYS[3], ARGV[1]) or '')
  if good and type(intent) == 'table' then
    intent.state = 'stopped'
    redis.call('HSET', KEYS[3], ARGV[1], cjson.encode(intent))
  end
end
redis.pcall('PUBLISH', ARGV[2], ARGV[1])
return ordered
`;

/**
 * Writes one server's order and removes its intent. Repeating it publishes nothing new.
 * KEYS intents order. ARGV id order ttlSeconds channel.
 */
export const orderRetire = `#!lua flags=allow-oom
local known = redis.call('EXISTS', KEYS[2])
redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[3])
redis.call('HDEL', KEYS[1], ARGV[1])
if known == 0 then redis.pcall('PUBLISH', ARGV[4], ARGV[1]) end
return known
`;

/**
 * Writes one server's order and removes its intent, unless no other server would stay up.
 * KEYS servers leases intents order. ARGV id order ttlSeconds channel, prefix of an order's key.
 * Returns 'ordered', 'already' (somebody else did) or 'last'.
 */
export const orderRetireUnlessLast = `#!lua flags=allow-oom
${clock}${soft}
local function stays(id)
  if id == ARGV[1] or redis.call('EXISTS', ARGV[5] .. id) == 1 then return false end
  local good, record = pcall(cjson.decode, soft('HGET', KEYS[1], id) or '')
  return good and type(record) == 'table' and record.state ~= 'draining'
end
local function anotherStays()
  for _, id in ipairs(soft('ZRANGEBYSCORE', KEYS[2], now, '+inf') or {}) do
    if stays(id) then return true end
  end
  return false
end
if redis.call('EXISTS', KEYS[4]) == 1 then return 'already' end
if not anotherStays() then return 'last' end
redis.call('SET', KEYS[4], ARGV[2], 'EX', ARGV[3])
redis.call('HDEL', KEYS[3], ARGV[1])
redis.pcall('PUBLISH', ARGV[4], ARGV[1])
return 'ordered'
`;

/**
 * Writes one server's order and removes its intent, where it has one and nobody else was first.
 * KEYS intents order. ARGV id order ttlSeconds channel. Returns 'ordered', 'already' or 'unwanted'.
 */
export const orderRetireIfWanted = `#!lua flags=allow-oom
${soft}
if redis.call('EXISTS', KEYS[2]) == 1 then return 'already' end
if soft('HEXISTS', KEYS[1], ARGV[1]) ~= 1 then return 'unwanted' end
redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[3])
redis.call('HDEL', KEYS[1], ARGV[1])
redis.pcall('PUBLISH', ARGV[4], ARGV[1])
return 'ordered'
`;

/**
 * Removes all that is kept of a server that is known to be gone. Its intent, if it is there still,
 * is wanted again under the id of the server whose place it took.
 * KEYS servers leases intents order acks. ARGV id channel, id before or ''.
 */
export const forget = `#!lua flags=allow-oom
${soft}
local good, intent = pcall(cjson.decode, soft('HGET', KEYS[3], ARGV[1]) or '')
if ARGV[3] ~= '' and good and type(intent) == 'table' then
  intent.state = 'wanted'
  redis.call('HSET', KEYS[3], ARGV[3], cjson.encode(intent))
  redis.pcall('PUBLISH', ARGV[2], ARGV[3])
end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[1])
redis.call('DEL', KEYS[4], KEYS[5])
redis.pcall('PUBLISH', ARGV[2], ARGV[1])
return 1
`;

/**
 * Reads servers with their leases: all of them, the newest ARGV[1] by lease, or those named. Where
 * all would be more than ARGV[3], it only tells how many there are.
 * KEYS servers leases. ARGV limit (0: all), longest record in bytes, most, then ids.
 * Returns total, then id, record (or its length when too long), lease left in ms or false, ….
 */
export const readServers = `#!lua flags=no-writes,allow-oom
${clock}${soft}
local limit = tonumber(ARGV[1])
local ids = {}
for i = 4, #ARGV do ids[i - 3] = ARGV[i] end
local many = redis.call('HLEN', KEYS[1]) > tonumber(ARGV[3])
if #ids > 0 or (limit == 0 and many) then -- as asked: those, or only how many there are
elseif limit == 0 then ids = redis.call('HKEYS', KEYS[1])
else ids = redis.call('ZREVRANGE', KEYS[2], 0, limit - 1) end
local reply = { redis.call('HLEN', KEYS[1]) }
for _, id in ipairs(ids) do
  local length = redis.call('HSTRLEN', KEYS[1], id)
  local lease = soft('ZSCORE', KEYS[2], id)
  if type(lease) == 'table' then lease = lease.double end
  if length > 0 then
    reply[#reply + 1] = id
    if length > tonumber(ARGV[2]) then reply[#reply + 1] = length
    else reply[#reply + 1] = redis.call('HGET', KEYS[1], id) end
    reply[#reply + 1] = lease and (lease - now) or false
  end
end
return reply
`;

/**
 * Removes records whose lease ran out long ago, and doors that are gone. Intents and orders stay.
 * KEYS servers leases doors. ARGV lostForMs. Returns the ids.
 */
export const sweep = `#!lua flags=allow-oom
${clock}${soft}
soft('ZREMRANGEBYSCORE', KEYS[3], '-inf', now - ARGV[1])
local ids = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now - ARGV[1], 'LIMIT', 0, 1000)
for _, id in ipairs(ids) do
  redis.call('HDEL', KEYS[1], id)
  redis.call('ZREM', KEYS[2], id)
end
return ids
`;
