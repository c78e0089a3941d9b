#!lua flags=no-writes,allow-oom
-- What was to be seen when the last beat of any server or door was taken.
-- prefix: of a door's key.
-- Returns how long ago that was in ms or false, then of each door that lived then: id, what it said
-- or false.
local leases, doors = unpack(KEYS)
local prefix, leaseMs = unpack(ARGV)
-- @include clock, soft
local newest = false
for _, key in ipairs({ leases, doors }) do
  local top = soft('ZREVRANGE', key, 0, 0, 'WITHSCORES') or {}
  local score = tonumber(top[2])
  if score and (not newest or score > newest) then newest = score end
end
if not newest then return { false } end
local reply = { now - (newest - leaseMs) }
for _, id in ipairs(soft('ZRANGEBYSCORE', doors, newest - leaseMs, '+inf') or {}) do
  reply[#reply + 1] = id
  reply[#reply + 1] = soft('GET', prefix .. id) or false
end
return reply
