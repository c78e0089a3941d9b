import { clock, soft } from './clock.ts';

/**
 * Registers a process under an id, unless another one has it, whose lease runs.
 * KEYS servers leases. ARGV id, record, leaseMs, channel.
 * Returns false, or the record of the other.
 */
export const claim = `#!lua flags=allow-oom
${clock}${soft}
local lease = soft('ZSCORE', KEYS[2], ARGV[1])
if type(lease) == 'table' then lease = lease.double end
local good, other = pcall(cjson.decode, soft('HGET', KEYS[1], ARGV[1]) or '')
local own = cjson.decode(ARGV[2])
if lease and tonumber(lease) > now and good and type(other) == 'table' then
  for _, field in ipairs({ 'hostId', 'bootId', 'pidNs', 'pid', 'pidStart' }) do
    if other[field] ~= own[field] then return redis.call('HGET', KEYS[1], ARGV[1]) end
  end
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], now + ARGV[3], ARGV[1])
redis.pcall('PUBLISH', ARGV[4], ARGV[1])
return false
`;
