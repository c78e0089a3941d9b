#!lua flags=allow-oom
-- Notes visits, and reads what is there then. `allow-oom`: the list is trimmed at once, so it does
-- not grow.
-- last: index of the last visit to keep. Then the paths, oldest first.
-- Returns the paths, newest first.
local recent = unpack(KEYS)
local last = unpack(ARGV, 1, 1)
-- @include push-visits
pushVisits(recent, last)
return redis.call('LRANGE', recent, 0, last)
