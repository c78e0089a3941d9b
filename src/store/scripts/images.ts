import { clock, soft } from './clock.ts';

/** Puts every picture whose delivery deadline passed back on top. KEYS images delivering claims, as below. */
const requeue = `
local function requeue(prefix)
  local count = 0
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now)) do
    redis.call('ZREM', KEYS[2], id)
    redis.call('HDEL', KEYS[3], id)
    if redis.call('EXISTS', prefix .. id) == 1 then
      redis.call('LPUSH', KEYS[1], id)
      count = count + 1
    end
  end
  return count
end
`;

/** A queue entry counts only with a hash of ours behind it; others are stepped over, not removed. */
const isPicture = `
local types = { ['image/png']=1, ['image/jpeg']=1, ['image/gif']=1, ['image/webp']=1, ['image/avif']=1 }
local function isPicture(prefix, id)
  local size = soft('HSTRLEN', prefix .. id, 'data')
  return size and size > 0 and types[soft('HGET', prefix .. id, 'type') or ''] == 1
end
`;

/**
 * Queues pictures whose hashes were written before: all or none.
 * KEYS images delivering bytes. ARGV prefix maxPictures maxBytes, then id size, ….
 * Returns how many are queued; -1 when there is no room, -2 when a hash expired meanwhile.
 */
export const enqueue = `#!lua
${clock}
local count, total = (#ARGV - 3) / 2, 0
for i = 4, #ARGV, 2 do
  if redis.call('EXISTS', ARGV[1] .. ARGV[i]) == 0 then return -2 end
  total = total + ARGV[i + 1]
end
local bytes = tonumber(redis.call('GET', KEYS[3]) or '0') or 0
local pictures = redis.call('LLEN', KEYS[1]) + redis.call('ZCARD', KEYS[2])
local room = pictures + count <= tonumber(ARGV[2]) and bytes + total <= tonumber(ARGV[3])
for i = 4, #ARGV, 2 do
  local key = ARGV[1] .. ARGV[i]
  if room then
    redis.call('PERSIST', key)
    redis.call('HSET', key, 'uploadedAt', now)
    redis.call('LPUSH', KEYS[1], ARGV[i])
  else
    redis.call('DEL', key)
  end
end
if not room then return -1 end
redis.call('SET', KEYS[3], bytes + total)
return redis.call('LLEN', KEYS[1])
`;

/**
 * Takes the newest picture; a token that already holds one gets that one again.
 * KEYS images delivering claims delivered. ARGV prefix token nonce deliveryMs.
 * Returns its id, '' when it was delivered to that token already, or false.
 * `allow-oom`: taking a picture out is what frees the memory.
 */
export const claim = `#!lua flags=allow-oom
${clock}${soft}${requeue}${isPicture}
requeue(ARGV[1])
if (soft('HSTRLEN', KEYS[4], 'data') or 0) > 0 then return '' end
local function take(id)
  redis.call('ZADD', KEYS[2], now + ARGV[4], id)
  redis.call('HSET', KEYS[3], id, ARGV[2] .. ':' .. ARGV[3])
  return id
end
local claims = redis.call('HGETALL', KEYS[3])
for i = 1, #claims, 2 do
  local mine = claims[i + 1]:sub(1, #ARGV[2] + 1) == ARGV[2] .. ':'
  if mine and isPicture(ARGV[1], claims[i]) then return take(claims[i]) end
end
for _, id in ipairs(redis.call('LRANGE', KEYS[1], 0, 999)) do
  if isPicture(ARGV[1], id) then
    redis.call('LREM', KEYS[1], 1, id)
    return take(id)
  end
end
return false
`;

/** The newest picture's id, left in place. KEYS images. ARGV prefix. */
export const newest = `#!lua flags=no-writes,allow-oom
${soft}${isPicture}
for _, id in ipairs(redis.call('LRANGE', KEYS[1], 0, 999)) do
  if isPicture(ARGV[1], id) then return id end
end
return false
`;

/**
 * Deletes a delivered picture, if the claim still holds; at once, or for its token after keepMs.
 * KEYS delivering claims image bytes delivered. ARGV id claim keepMs.
 */
export const acknowledge = `#!lua flags=allow-oom
if redis.call('HGET', KEYS[2], ARGV[1]) ~= ARGV[2] then return 0 end
local size = redis.call('HSTRLEN', KEYS[3], 'data')
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[1], ARGV[1])
if tonumber(ARGV[3]) > 0 and size > 0 then
  redis.call('RENAME', KEYS[3], KEYS[5])
  redis.call('HSET', KEYS[5], 'id', ARGV[1])
  redis.call('PEXPIRE', KEYS[5], ARGV[3])
else
  redis.call('DEL', KEYS[3])
end
local bytes = tonumber(redis.call('GET', KEYS[4]) or '0') or 0
redis.call('SET', KEYS[4], math.max(0, bytes - size))
return 1
`;

/**
 * Puts an undelivered picture back on top, if the claim still holds.
 * KEYS delivering claims images. ARGV id claim.
 */
export const putBack = `#!lua flags=allow-oom
if redis.call('HGET', KEYS[2], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('LPUSH', KEYS[3], ARGV[1])
return 1
`;

/**
 * Puts back on top what was taken under these tokens and did not reach its client, whether the
 * server still holds it or has acknowledged it: then it is kept for a while.
 * KEYS delivering claims images bytes, then each token's delivered. ARGV prefix, then the tokens.
 * Returns 1 for each that was put back, else 0.
 */
export const putBackFor = `#!lua flags=allow-oom
${soft}${isPicture}
local claimed, claims = {}, redis.call('HGETALL', KEYS[2])
for i = 1, #claims, 2 do
  local token = claims[i + 1]:match('^(.*):')
  if token then claimed[token] = claims[i] end
end
local function fromServer(id)
  if not id or not isPicture(ARGV[1], id) then return false end
  redis.call('HDEL', KEYS[2], id)
  redis.call('ZREM', KEYS[1], id)
  redis.call('LPUSH', KEYS[3], id)
  return true
end
local function fromDelivered(key)
  local size, id = soft('HSTRLEN', key, 'data') or 0, soft('HGET', key, 'id') or ''
  if size == 0 or id == '' or redis.call('EXISTS', ARGV[1] .. id) == 1 then return false end
  redis.call('RENAME', key, ARGV[1] .. id)
  redis.call('PERSIST', ARGV[1] .. id)
  redis.call('SET', KEYS[4], (tonumber(redis.call('GET', KEYS[4]) or '0') or 0) + size)
  redis.call('LPUSH', KEYS[3], id)
  return true
end
local reply = {}
for i = 2, #ARGV do
  local back = fromServer(claimed[ARGV[i]]) or fromDelivered(KEYS[i + 3])
  reply[#reply + 1] = back and 1 or 0
end
return reply
`;

/**
 * Gives a delivery more time, if the claim still holds.
 * KEYS delivering claims. ARGV id claim deliveryMs.
 */
export const renew = `#!lua flags=allow-oom
${clock}
if redis.call('HGET', KEYS[2], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
return 1
`;

/** Puts expired deliveries back. KEYS images delivering claims. ARGV prefix. Returns how many. */
export const requeueExpired = `#!lua flags=allow-oom
${clock}${requeue}
return requeue(ARGV[1])
`;
