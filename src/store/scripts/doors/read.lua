#!lua flags=no-writes,allow-oom
-- Reads the live doors and what they say.
-- prefix: of a door's key.
-- Returns of each: id, what it said or false.
local doors = unpack(KEYS)
local prefix = unpack(ARGV)
-- @include clock, soft
local reply = {}
for _, id in ipairs(soft('ZRANGEBYSCORE', doors, now, '+inf') or {}) do
  reply[#reply + 1] = id
  reply[#reply + 1] = soft('GET', prefix .. id) or false
end
return reply
