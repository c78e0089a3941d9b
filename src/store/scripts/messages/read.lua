#!lua flags=no-writes,allow-oom
-- A message and how long it has left, in one script: between two commands it could be gone. Such a
-- script runs in a full or read-only Redis too.
-- Returns the message or false, ms.
local message = unpack(KEYS)
return { redis.call('GET', message), redis.call('PTTL', message) }
