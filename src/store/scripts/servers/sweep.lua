#!lua flags=allow-oom
-- Removes records whose lease ran out lostForMs ago, and doors that are gone. Orders and what is
-- desired stay.
-- event: JSON, written for each of the first so many, with its id.
-- Returns the ids.
local servers, leases, doors, events = unpack(KEYS)
local lostForMs, event = unpack(ARGV)
-- @include clock, event, soft
soft('ZREMRANGEBYSCORE', doors, '-inf', now - lostForMs)
local ids = redis.call('ZRANGEBYSCORE', leases, '-inf', now - lostForMs, 'LIMIT', 0, 1000)
local told = cjson.decode(event)
for at, id in ipairs(ids) do
  told.server = id
  local isSwept = redis.call('HDEL', servers, id) == 1
  if isSwept and at <= 50 then noteEvent(events, cjson.encode(told)) end
  redis.call('ZREM', leases, id)
end
return ids
