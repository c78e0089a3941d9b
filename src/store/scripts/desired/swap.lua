#!lua flags=allow-oom
-- Writes or removes a desired server, if it stands as known.
-- before, after: its text, or '' for none.
-- Returns 1, or 0 where it does not.
local intents = unpack(KEYS)
local id, before, after, channel = unpack(ARGV)
-- @include soft
if (soft('HGET', intents, id) or '') ~= before then return 0 end
if after == '' then redis.call('HDEL', intents, id)
else redis.call('HSET', intents, id, after) end
redis.pcall('PUBLISH', channel, id)
return 1
