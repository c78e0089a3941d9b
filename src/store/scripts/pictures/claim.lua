#!lua flags=allow-oom
-- Takes the newest picture; a token that already holds one gets that one again. `allow-oom`: taking
-- a picture out is what frees the memory.
-- prefix: of a picture's key.
-- Returns its id, '' where it was delivered to that token already, or false.
local images, delivering, claims, delivered = unpack(KEYS)
local prefix, token, nonce, deliveryMs = unpack(ARGV)
-- @include clock, soft, requeue, is-picture
requeue(images, delivering, claims, prefix)
if (soft('HSTRLEN', delivered, 'data') or 0) > 0 then return '' end
local function take(id)
  redis.call('ZADD', delivering, now + deliveryMs, id)
  redis.call('HSET', claims, id, token .. ':' .. nonce)
  return id
end
local held = redis.call('HGETALL', claims)
for i = 1, #held, 2 do
  local mine = held[i + 1]:sub(1, #token + 1) == token .. ':'
  if mine and isPicture(prefix, held[i]) then return take(held[i]) end
end
for _, id in ipairs(redis.call('LRANGE', images, 0, 999)) do
  if isPicture(prefix, id) then
    redis.call('LREM', images, 1, id)
    return take(id)
  end
end
return false
