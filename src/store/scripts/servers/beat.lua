#!lua flags=allow-oom
-- Renews a server. Written twice or late it does no harm: the record says what it said.
-- desired: JSON, written where there is none; or ''. signedFor: its signature's registry, or ''.
-- announce: '1' to tell the channel, or '0'. fresh: an id for a registry that has none.
-- Returns order or false, ids of live doors, ids of doors that acknowledged, id of the registry or
-- false.
local servers, leases, intents, order, doors, acks, registry = unpack(KEYS)
local id, record, leaseMs, desired, channel, announce, signedFor, fresh = unpack(ARGV)
-- @include clock, soft, set-once
local registryId = setOnce(registry, fresh)
local added = redis.call('HSET', servers, id, record)
redis.call('ZADD', leases, now + leaseMs, id)
local ordered = soft('GET', order) or false
local isOurs = signedFor == '' or registryId == signedFor
if desired ~= '' and not ordered and isOurs then soft('HSETNX', intents, id, desired) end
if added == 1 or announce == '1' then redis.pcall('PUBLISH', channel, id) end
return {
  ordered,
  soft('ZRANGEBYSCORE', doors, now, '+inf') or {},
  soft('SMEMBERS', acks) or {},
  registryId,
}
