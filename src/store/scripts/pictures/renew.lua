#!lua flags=allow-oom
-- Gives a delivery more time, if the claim still holds.
-- Returns 1, or 0 where it does not hold.
local delivering, claims = unpack(KEYS)
local id, claim, deliveryMs = unpack(ARGV)
-- @include clock
if redis.call('HGET', claims, id) ~= claim then return 0 end
redis.call('ZADD', delivering, now + deliveryMs, id)
return 1
