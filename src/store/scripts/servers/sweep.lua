#!lua flags=allow-oom
-- Removes records whose lease ran out lostForMs ago, and doors that are gone. Orders and what is
-- desired stay.
-- Returns the ids.
local servers, leases, doors = unpack(KEYS)
local lostForMs = unpack(ARGV)
-- @include clock, soft
soft('ZREMRANGEBYSCORE', doors, '-inf', now - lostForMs)
local ids = redis.call('ZRANGEBYSCORE', leases, '-inf', now - lostForMs, 'LIMIT', 0, 1000)
for _, id in ipairs(ids) do
  redis.call('HDEL', servers, id)
  redis.call('ZREM', leases, id)
end
return ids
