#!lua flags=allow-oom
-- Writes one server's order and removes the desired server, where there is one and nobody was
-- first.
-- event: JSON, written with the order.
-- Returns 'ordered', 'already' or 'unwanted'.
local intents, order, events = unpack(KEYS)
local id, text, ttlSeconds, channel, event = unpack(ARGV)
-- @include event, soft
if redis.call('EXISTS', order) == 1 then return 'already' end
if soft('HEXISTS', intents, id) ~= 1 then return 'unwanted' end
redis.call('SET', order, text, 'EX', ttlSeconds)
redis.call('HDEL', intents, id)
noteEvent(events, event)
redis.pcall('PUBLISH', channel, id)
return 'ordered'
