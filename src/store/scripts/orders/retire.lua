#!lua flags=allow-oom
-- Writes one server's order and removes the desired server. Repeating it publishes nothing new,
-- and writes nothing for a server that has left: nobody would take its order away.
-- forever: '1' where the order of a server that was wanted is to outlive its ttlSeconds, or '0'.
-- again: '1' where it is repeated, or '0'. event: JSON, written with the first order.
-- Returns 1 where it had an order before, else 0.
local intents, order, servers, events = unpack(KEYS)
local id, text, ttlSeconds, channel, forever, again, event = unpack(ARGV)
-- @include event, soft, write-order
if again == '1' and soft('HEXISTS', servers, id) == 0 then return 0 end
local known = redis.call('EXISTS', order)
writeOrder(order, text, redis.call('HDEL', intents, id), ttlSeconds, forever)
if known == 0 then
  noteEvent(events, event)
  redis.pcall('PUBLISH', channel, id)
end
return known
