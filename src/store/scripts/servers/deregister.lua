#!lua flags=allow-oom
-- Forgets a server that leaves. Without an order it stays desired: as it is, or as told if it
-- stands as the server knows it.
-- before, after: its entry, or ''. ending: JSON, how it ended its app, or ''; kept for
-- endingSeconds. event: JSON, written where it was registered.
-- Returns 1 where it had an order, else 0.
local servers, leases, intents, order, acks, ended, events = unpack(KEYS)
local id, channel, before, after, ending, endingSeconds, event = unpack(ARGV)
-- @include event, soft
if redis.call('HDEL', servers, id) == 1 then noteEvent(events, event) end
redis.call('ZREM', leases, id)
local ordered = redis.call('DEL', order)
redis.call('DEL', acks)
if ordered == 0 and before ~= '' and soft('HGET', intents, id) == before then
  redis.call('HSET', intents, id, after)
end
if ending ~= '' then redis.call('SET', ended, ending, 'EX', endingSeconds) end
redis.pcall('PUBLISH', channel, id)
return ordered
