#!lua flags=allow-oom
-- Deletes a delivered picture, if the claim still holds; at once, or for its token after keepMs.
-- Returns 1, or 0 where it does not hold.
local delivering, claims, image, imageBytes, delivered = unpack(KEYS)
local id, claim, keepMs = unpack(ARGV)
if redis.call('HGET', claims, id) ~= claim then return 0 end
local size = redis.call('HSTRLEN', image, 'data')
redis.call('HDEL', claims, id)
redis.call('ZREM', delivering, id)
if tonumber(keepMs) > 0 and size > 0 then
  redis.call('RENAME', image, delivered)
  redis.call('HSET', delivered, 'id', id)
  redis.call('PEXPIRE', delivered, keepMs)
else
  redis.call('DEL', image)
end
local bytes = tonumber(redis.call('GET', imageBytes) or '0') or 0
redis.call('SET', imageBytes, math.max(0, bytes - size))
return 1
