#!lua flags=allow-oom
-- Removes all that is kept of a server that is known to be gone. If its entry is there still, that
-- of the server whose place it took is written back.
-- before, text: the id of that one and its entry, or ''.
-- event: JSON, written where it was registered.
-- Returns 1 where it was written back, else 0.
local servers, leases, intents, order, acks, events = unpack(KEYS)
local id, channel, before, text, event = unpack(ARGV)
-- @include event, soft
local back = before ~= '' and soft('HEXISTS', intents, id) == 1
if back then
  redis.call('HSET', intents, before, text)
  redis.pcall('PUBLISH', channel, before)
end
if redis.call('HDEL', servers, id) == 1 then noteEvent(events, event) end
redis.call('ZREM', leases, id)
redis.call('HDEL', intents, id)
redis.call('DEL', order, acks)
redis.pcall('PUBLISH', channel, id)
return back and 1 or 0
