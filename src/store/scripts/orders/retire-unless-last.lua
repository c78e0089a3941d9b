#!lua flags=allow-oom
-- Writes one server's order and removes the desired server, unless no other would stay up. A worker
-- takes no requests, and so stays for none.
-- forever: '1' where the order of a server that was wanted is to outlive its ttlSeconds, or '0'.
-- prefix: of an order's key. event: JSON, written with the order.
-- Returns 'ordered', 'already' (somebody else did), 'gone' or 'last'.
local servers, leases, intents, order, events = unpack(KEYS)
local id, text, ttlSeconds, channel, forever, prefix, event = unpack(ARGV)
-- @include clock, event, soft, write-order
local function stays(other)
  if other == id or redis.call('EXISTS', prefix .. other) == 1 then return false end
  local good, record = pcall(cjson.decode, soft('HGET', servers, other) or '')
  return good and type(record) == 'table' and record.state ~= 'draining' and not record.worker
end
local function anotherStays()
  for _, other in ipairs(soft('ZRANGEBYSCORE', leases, now, '+inf') or {}) do
    if stays(other) then return true end
  end
  return false
end
if redis.call('EXISTS', order) == 1 then return 'already' end
if redis.call('HEXISTS', servers, id) == 0 then return 'gone' end
if not anotherStays() then return 'last' end
writeOrder(order, text, redis.call('HDEL', intents, id), ttlSeconds, forever)
noteEvent(events, event)
redis.pcall('PUBLISH', channel, id)
return 'ordered'
