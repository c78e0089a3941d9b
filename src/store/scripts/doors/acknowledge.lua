#!lua flags=allow-oom
-- A door sends a server nothing any more, which only one that has not left wants to know.
-- Returns 1, or 0 where that server has left.
local acks, servers = unpack(KEYS)
local doorId, ttlSeconds, serverId = unpack(ARGV)
-- @include soft
if soft('HEXISTS', servers, serverId) == 0 then return 0 end
redis.call('SADD', acks, doorId)
redis.call('EXPIRE', acks, ttlSeconds)
return 1
