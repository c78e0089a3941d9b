-- Puts every picture whose delivery deadline has passed back on top. Whether it is there is asked
-- before anything is written: one that has just moved to another node of a cluster ends the script.
-- Returns how many.
local function requeue(images, delivering, claims, prefix)
  local count = 0
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', delivering, '-inf', now)) do
    local isThere = redis.call('EXISTS', prefix .. id) == 1
    redis.call('ZREM', delivering, id)
    redis.call('HDEL', claims, id)
    if isThere then
      redis.call('LPUSH', images, id)
      count = count + 1
    end
  end
  return count
end
