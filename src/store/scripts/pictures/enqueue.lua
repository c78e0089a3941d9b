#!lua
-- Queues pictures whose hashes were written before: all or none.
-- prefix: of a picture's key. Then id and size of each.
-- Returns how many are queued; -1 where there is no room, -2 where a hash has expired meanwhile.
local images, delivering, imageBytes = unpack(KEYS)
local prefix, maxPictures, maxBytes = unpack(ARGV, 1, 3)
-- @include clock
local count, total = (#ARGV - 3) / 2, 0
for i = 4, #ARGV, 2 do
  if redis.call('EXISTS', prefix .. ARGV[i]) == 0 then return -2 end
  total = total + ARGV[i + 1]
end
local bytes = tonumber(redis.call('GET', imageBytes) or '0') or 0
local pictures = redis.call('LLEN', images) + redis.call('ZCARD', delivering)
local room = pictures + count <= tonumber(maxPictures) and bytes + total <= tonumber(maxBytes)
for i = 4, #ARGV, 2 do
  local key = prefix .. ARGV[i]
  if room then
    redis.call('PERSIST', key)
    redis.call('HSET', key, 'uploadedAt', now)
    redis.call('LPUSH', images, ARGV[i])
  else
    redis.call('DEL', key)
  end
end
if not room then return -1 end
redis.call('SET', imageBytes, bytes + total)
return redis.call('LLEN', images)
