#!lua flags=allow-oom
-- Puts back on top what was taken under these tokens and did not reach its client, whether the
-- server still holds it or has acknowledged it: then it is kept for a while.
-- prefix: of a picture's key. Then the tokens, and as keys what was delivered to each.
-- Returns 1 for each that was put back, else 0.
local delivering, claims, images, imageBytes = unpack(KEYS, 1, 4)
local prefix = unpack(ARGV, 1, 1)
-- @include soft, is-picture
local claimed, held = {}, redis.call('HGETALL', claims)
for i = 1, #held, 2 do
  local token = held[i + 1]:match('^(.*):')
  if token then claimed[token] = held[i] end
end
local function fromServer(id)
  if not id or not isPicture(prefix, id) then return false end
  redis.call('HDEL', claims, id)
  redis.call('ZREM', delivering, id)
  redis.call('LPUSH', images, id)
  return true
end
local function fromDelivered(key)
  local size, id = soft('HSTRLEN', key, 'data') or 0, soft('HGET', key, 'id') or ''
  if size == 0 or id == '' or redis.call('EXISTS', prefix .. id) == 1 then return false end
  redis.call('RENAME', key, prefix .. id)
  redis.call('PERSIST', prefix .. id)
  redis.call('SET', imageBytes, (tonumber(redis.call('GET', imageBytes) or '0') or 0) + size)
  redis.call('LPUSH', images, id)
  return true
end
local reply = {}
for i = 1, #ARGV - 1 do
  local token, delivered = ARGV[1 + i], KEYS[4 + i]
  local back = fromServer(claimed[token]) or fromDelivered(delivered)
  reply[#reply + 1] = back and 1 or 0
end
return reply
