#!lua flags=allow-oom
-- Writes a door and renews its lease.
-- record: JSON, kept for recordMs.
-- Returns 1.
local doors, door = unpack(KEYS)
local id, record, leaseMs, recordMs = unpack(ARGV)
-- @include clock
redis.call('ZADD', doors, now + leaseMs, id)
redis.call('SET', door, record, 'PX', recordMs)
return 1
