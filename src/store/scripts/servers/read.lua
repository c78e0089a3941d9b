#!lua flags=no-writes,allow-oom
-- Reads servers with their leases: all of them, the newest by lease, or those named. Where all are
-- more than `most`, it only tells how many there are.
-- limit: how many of the newest, 0 for all. longest: of a record, in bytes. Then the ids, if any.
-- Returns the total, then of each: id, record (its length where that is too long), what is left of
-- its lease in ms or false.
local servers, leases = unpack(KEYS)
local limit, longest, most = unpack(ARGV, 1, 3)
-- @include clock, soft
limit = tonumber(limit)
local ids = {}
for i = 4, #ARGV do ids[i - 3] = ARGV[i] end
local many = redis.call('HLEN', servers) > tonumber(most)
if #ids == 0 and limit == 0 and not many then ids = redis.call('HKEYS', servers)
elseif #ids == 0 and limit > 0 then ids = soft('ZREVRANGE', leases, 0, limit - 1) end
if not ids then return redis.error_reply('WRONGTYPE the key ' .. leases .. ' holds no zset') end
local reply = { redis.call('HLEN', servers) }
for _, id in ipairs(ids) do
  local length = redis.call('HSTRLEN', servers, id)
  local lease = soft('ZSCORE', leases, id)
  if type(lease) == 'table' then lease = lease.double end
  if length > 0 then
    reply[#reply + 1] = id
    if length > tonumber(longest) then reply[#reply + 1] = length
    else reply[#reply + 1] = redis.call('HGET', servers, id) end
    reply[#reply + 1] = lease and (lease - now) or false
  end
end
return reply
