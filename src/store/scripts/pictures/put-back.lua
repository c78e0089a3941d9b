#!lua flags=allow-oom
-- Puts an undelivered picture back on top, if the claim still holds.
-- Returns 1, or 0 where it does not hold.
local delivering, claims, images = unpack(KEYS)
local id, claim = unpack(ARGV)
if redis.call('HGET', claims, id) ~= claim then return 0 end
redis.call('HDEL', claims, id)
redis.call('ZREM', delivering, id)
redis.call('LPUSH', images, id)
return 1
