#!lua flags=allow-oom
-- Takes or renews the lock of a reconciler of 0.1.0, which goes by the machine's name. Ours begin
-- with a mark of their own and share it: machines of one name are different hosts.
-- Returns 1, or 0 where one of 0.1.0 has it.
local keeper = unpack(KEYS)
local token, leaseMs, mark = unpack(ARGV)
-- @include soft
local holder = soft('GET', keeper)
if holder and string.sub(holder, 1, #mark) ~= mark then return 0 end
redis.call('SET', keeper, token, 'PX', leaseMs)
return 1
