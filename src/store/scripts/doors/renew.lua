#!lua flags=allow-oom
-- Renews the lease of a door whose words stand as they are.
-- Returns 1, or 0 where they are gone: then nothing is renewed.
local doors, door = unpack(KEYS)
local id, leaseMs = unpack(ARGV)
-- @include clock
if redis.call('EXISTS', door) == 0 then return 0 end
redis.call('ZADD', doors, now + leaseMs, id)
return 1
