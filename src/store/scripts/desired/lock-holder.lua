#!lua flags=no-writes,allow-oom
-- Who holds the lock of a host's reconciler.
-- Returns the token, or false.
local keeper = unpack(KEYS)
-- @include soft
return soft('GET', keeper) or false
