#!lua flags=no-writes,allow-oom
-- The newest picture, left in place.
-- prefix: of a picture's key.
-- Returns its id, or false.
local images = unpack(KEYS)
local prefix = unpack(ARGV)
-- @include soft, is-picture
for _, id in ipairs(redis.call('LRANGE', images, 0, 999)) do
  if isPicture(prefix, id) then return id end
end
return false
