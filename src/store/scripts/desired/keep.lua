#!lua flags=allow-oom
-- Takes or renews the lock of a host's reconciler.
-- Returns 1, or 0 where somebody else has it.
local keeper = unpack(KEYS)
local token, leaseMs = unpack(ARGV)
-- @include soft
local holder = soft('GET', keeper)
if holder and holder ~= token then return 0 end
redis.call('SET', keeper, token, 'PX', leaseMs)
return 1
