#!lua flags=allow-oom
-- Gives the lock of a host's reconciler back, if it is ours.
-- Returns 1, or 0 where it is not.
local keeper = unpack(KEYS)
local token = unpack(ARGV)
-- @include soft
if soft('GET', keeper) ~= token then return 0 end
return redis.call('DEL', keeper)
