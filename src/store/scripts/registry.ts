import { clock, soft } from './clock.ts';

/*
 * The registry's scripts. All may run when Redis is out of memory (`allow-oom`): what they write
 * replaces what was there, and a fleet must stay known when pictures have filled the memory.
 * PUBLISH goes by `pcall`: without the right to the channel all is still written, and readers look
 * every second anyway.
 */

/** The id of the registry, set once. KEYS registry. ARGV a new one. Returns it, or false. */
const registryId = `
local function registryId(key, fresh)
  if redis.call('EXISTS', key) == 0 then redis.call('SET', key, fresh) end
  return soft('GET', key) or false
end
`;

/** KEYS registry, or another that is set once. ARGV a new one. Returns what stands there, or false where that is no string. */
export const readRegistryId = `#!lua flags=allow-oom
${soft}${registryId}
return registryId(KEYS[1], ARGV[1])
`;

/**
 * Renews a server. Written twice or late it does no harm: the record says what it said.
 * KEYS servers leases intents order doors acks registry.
 * ARGV id record leaseMs intent|'' channel announce('1'|'0') the registry it was signed for or '', a new one.
 * Returns order|false, ids of live doors, ids of doors that acknowledged, id of the registry|false.
 */
export const beat = `#!lua flags=allow-oom
${clock}${soft}${registryId}
local registry = registryId(KEYS[7], ARGV[8])
local fresh = redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], now + ARGV[3], ARGV[1])
local order = soft('GET', KEYS[4]) or false
if ARGV[4] ~= '' and not order and (ARGV[7] == '' or registry == ARGV[7]) then soft('HSETNX', KEYS[3], ARGV[1], ARGV[4]) end
if fresh == 1 or ARGV[6] == '1' then redis.pcall('PUBLISH', ARGV[5], ARGV[1]) end
return {
  order,
  soft('ZRANGEBYSCORE', KEYS[5], now, '+inf') or {},
  soft('SMEMBERS', KEYS[6]) or {},
  registry,
}
`;

/**
 * Forgets a server that leaves. Without an order its intent stays: as it is, or as told if it
 * stands as the server knows it.
 * KEYS servers leases intents order acks ended.
 * ARGV id channel, intent before and after, or '', how it ended its app or '', for how many seconds to keep that.
 */
export const deregister = `#!lua flags=allow-oom
${soft}
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
local ordered = redis.call('DEL', KEYS[4])
redis.call('DEL', KEYS[5])
if ordered == 0 and ARGV[3] ~= '' and soft('HGET', KEYS[3], ARGV[1]) == ARGV[3] then
  redis.call('HSET', KEYS[3], ARGV[1], ARGV[4])
end
if ARGV[5] ~= '' then redis.call('SET', KEYS[6], ARGV[5], 'EX', ARGV[6]) end
redis.pcall('PUBLISH', ARGV[2], ARGV[1])
return ordered
`;

/*
 * `writeOrder`: an order is written again and again, and keeps the lifetime it got first. It has
 * none where its server was wanted on a host that may be off for longer than any: that one reads it.
 */
const writeOrder = `
local function writeOrder(key, order, wanted, lifetime, stands)
  if redis.call('EXISTS', key) == 1 then redis.call('SET', key, order, 'KEEPTTL')
  elseif wanted == 1 and stands == '1' then redis.call('SET', key, order)
  else redis.call('SET', key, order, 'EX', lifetime) end
end
`;

/**
 * Writes one server's order and removes its intent. Repeating it publishes nothing new, and writes
 * nothing for a server that has left: nobody would take its order away.
 * KEYS intents order servers. ARGV id order ttlSeconds channel stands('1'|'0') again('1'|'0').
 */
export const orderRetire = `#!lua flags=allow-oom
${soft}${writeOrder}
if ARGV[6] == '1' and soft('HEXISTS', KEYS[3], ARGV[1]) == 0 then return 0 end
local known = redis.call('EXISTS', KEYS[2])
writeOrder(KEYS[2], ARGV[2], redis.call('HDEL', KEYS[1], ARGV[1]), ARGV[3], ARGV[5])
if known == 0 then redis.pcall('PUBLISH', ARGV[4], ARGV[1]) end
return known
`;

/**
 * Writes one server's order and removes its intent, unless no other server would stay up. A worker
 * takes no requests, and so stays for none.
 * KEYS servers leases intents order.
 * ARGV id order ttlSeconds channel stands('1'|'0'), prefix of an order's key.
 * Returns 'ordered', 'already' (somebody else did), 'gone' or 'last'.
 */
export const orderRetireUnlessLast = `#!lua flags=allow-oom
${clock}${soft}${writeOrder}
local function stays(id)
  if id == ARGV[1] or redis.call('EXISTS', ARGV[6] .. id) == 1 then return false end
  local good, record = pcall(cjson.decode, soft('HGET', KEYS[1], id) or '')
  return good and type(record) == 'table' and record.state ~= 'draining' and not record.worker
end
local function anotherStays()
  for _, id in ipairs(soft('ZRANGEBYSCORE', KEYS[2], now, '+inf') or {}) do
    if stays(id) then return true end
  end
  return false
end
if redis.call('EXISTS', KEYS[4]) == 1 then return 'already' end
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 'gone' end
if not anotherStays() then return 'last' end
writeOrder(KEYS[4], ARGV[2], redis.call('HDEL', KEYS[3], ARGV[1]), ARGV[3], ARGV[5])
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
 * Removes all that is kept of a server that is known to be gone. If its intent is there still, that
 * of the server whose place it took is written back.
 * KEYS servers leases intents order acks. ARGV id channel, id and intent before or ''.
 * Returns 1 if it was written back.
 */
export const forget = `#!lua flags=allow-oom
${soft}
local back = ARGV[3] ~= '' and soft('HEXISTS', KEYS[3], ARGV[1]) == 1
if back then
  redis.call('HSET', KEYS[3], ARGV[3], ARGV[4])
  redis.pcall('PUBLISH', ARGV[2], ARGV[3])
end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[1])
redis.call('DEL', KEYS[4], KEYS[5])
redis.pcall('PUBLISH', ARGV[2], ARGV[1])
return back and 1 or 0
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
else ids = soft('ZREVRANGE', KEYS[2], 0, limit - 1) end
if not ids then return redis.error_reply('WRONGTYPE the key ' .. KEYS[2] .. ' holds no zset') end
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
