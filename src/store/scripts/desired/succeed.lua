#!lua flags=allow-oom
-- Registers a server in place of one that is gone, if nobody else has done so: the old id's entry
-- is the lock. Its record goes with it.
-- oldText: that entry. Its host signed it, which Lua cannot do: an entry is written whole, and
-- only over the text that is known.
-- Returns 1, or 0 where that text does not stand there any more.
local servers, leases, intents = unpack(KEYS)
local oldId, id, record, desired, leaseMs, channel, oldText = unpack(ARGV)
-- @include clock, soft
if soft('HGET', intents, oldId) ~= oldText then return 0 end
redis.call('HDEL', intents, oldId)
redis.call('HDEL', servers, oldId)
redis.call('ZREM', leases, oldId)
redis.call('HSET', intents, id, desired)
redis.call('HSET', servers, id, record)
redis.call('ZADD', leases, now + leaseMs, id)
redis.pcall('PUBLISH', channel, oldId)
redis.pcall('PUBLISH', channel, id)
return 1
