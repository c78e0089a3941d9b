#!lua flags=no-writes,allow-oom
-- The newest pictures, left in place.
-- prefix: of a picture's key. limit: how many. longest: of a name, bytes.
-- Returns id, type, size and name of each, in turn.
local images = unpack(KEYS)
local prefix, limit, longest = unpack(ARGV)
-- @include soft, is-picture
local found = {}
for _, id in ipairs(soft('LRANGE', images, 0, limit - 1) or {}) do
  if isPicture(prefix, id) then
    local key = prefix .. id
    local named = redis.call('HSTRLEN', key, 'name') <= tonumber(longest)
    table.insert(found, id)
    table.insert(found, redis.call('HGET', key, 'type'))
    table.insert(found, redis.call('HSTRLEN', key, 'data'))
    table.insert(found, named and redis.call('HGET', key, 'name') or '')
  end
end
return found
