#!lua flags=allow-oom
-- Notes visits. `allow-oom`: the list is trimmed at once, so it cannot grow.
-- last: index of the last visit to keep. Then the paths, oldest first.
-- Returns 1.
local recent = unpack(KEYS)
local last = unpack(ARGV, 1, 1)
-- @include push-visits
pushVisits(recent, last)
return 1
