#!lua flags=allow-oom
-- Registers a process under an id, unless another one has it, whose lease runs.
-- record: JSON. channel: told of the id.
-- Returns false, or the record of the other.
local servers, leases = unpack(KEYS)
local id, record, leaseMs, channel = unpack(ARGV)
-- @include clock, soft
local lease = soft('ZSCORE', leases, id)
if type(lease) == 'table' then lease = lease.double end
local good, other = pcall(cjson.decode, soft('HGET', servers, id) or '')
local own = cjson.decode(record)
if lease and tonumber(lease) > now and good and type(other) == 'table' then
  for _, field in ipairs({ 'hostId', 'bootId', 'pidNs', 'pid', 'pidStart' }) do
    if other[field] ~= own[field] then return redis.call('HGET', servers, id) end
  end
end
redis.call('HSET', servers, id, record)
redis.call('ZADD', leases, now + leaseMs, id)
redis.pcall('PUBLISH', channel, id)
return false
