-- Puts every picture whose delivery deadline has passed back on top. Returns how many.
local function requeue(images, delivering, claims, prefix)
  local count = 0
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', delivering, '-inf', now)) do
    redis.call('ZREM', delivering, id)
    redis.call('HDEL', claims, id)
    if redis.call('EXISTS', prefix .. id) == 1 then
      redis.call('LPUSH', images, id)
      count = count + 1
    end
  end
  return count
end
