#!lua flags=allow-oom
-- The id of the registry, or another thing that is set once.
-- fresh: what it is set to where there is none.
-- Returns what stands there, or false where that is no string.
local key = unpack(KEYS)
local fresh = unpack(ARGV)
-- @include soft, set-once
return setOnce(key, fresh)
