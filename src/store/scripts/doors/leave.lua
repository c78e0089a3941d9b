#!lua flags=allow-oom
-- Forgets a door.
-- Returns 1.
local doors, door = unpack(KEYS)
local id = unpack(ARGV)
redis.call('ZREM', doors, id)
redis.call('DEL', door)
return 1
