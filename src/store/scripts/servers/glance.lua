#!lua flags=no-writes,allow-oom
-- Reads of the servers what one who knows them cannot know. Who says `up` and nothing else, as
-- model/server-record.ts writes it, under a lease that is fresh, is told by its id.
-- longest: of a record, in bytes. fresh: what is left of such a lease, ms. most: how many servers
-- are told at all.
-- Returns the total, those ids with a blank between them, then of each other server: id, record
-- (its length where that is too long), what is left of its lease in ms. One without a lease is
-- left out, as where the newest are read.
local servers, leases = unpack(KEYS)
local longest, fresh, most = unpack(ARGV)
-- @include clock, soft
local total = redis.call('HLEN', servers)
if total > tonumber(most) then return { total, '' } end
local held = soft('ZCARD', leases)
if not held then return redis.error_reply('WRONGTYPE the key ' .. leases .. ' holds no zset') end
-- Leases of nobody, however many, hold up nobody: then each server's own is asked for.
local isCrowded = held > 2 * tonumber(most)
local ends = isCrowded and {} or redis.call('ZRANGEBYSCORE', leases, '-inf', '+inf', 'WITHSCORES')
local lefts = {}
for at = 1, #ends, 2 do lefts[ends[at]] = tonumber(ends[at + 1]) - now end
local up, reply = {}, { total, '' }
local cells = redis.call('HGETALL', servers)
for at = 1, #cells, 2 do
  local id, record = cells[at], cells[at + 1]
  if isCrowded then
    local own = redis.call('ZSCORE', leases, id)
    lefts[id] = own and tonumber(own) - now
  end
  local left = lefts[id]
  local says = record:find('"state":"up"', 1, true) and not record:find('"failing":', 1, true)
  local isWhole = record:sub(1, 1) == '{' and record:sub(-1) == '}'
  if says and isWhole and left and left >= tonumber(fresh) then
    up[#up + 1] = id
  elseif left then
    reply[#reply + 1] = id
    reply[#reply + 1] = #record > tonumber(longest) and #record or record
    reply[#reply + 1] = left
  end
end
reply[2] = table.concat(up, ' ')
return reply
