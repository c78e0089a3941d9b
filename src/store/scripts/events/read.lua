#!lua flags=no-writes,allow-oom
-- Reads events, newest first.
-- from: id of the first one, to the end. longest: of an entry, in bytes.
-- Returns of each: id, its fields and values in turn, or their length where that is too long.
local events = unpack(KEYS)
local from, limit, longest = unpack(ARGV)
local reply = {}
for _, entry in ipairs(redis.call('XREVRANGE', events, '+', from, 'COUNT', limit)) do
  local length = 0
  for _, text in ipairs(entry[2]) do length = length + #text end
  reply[#reply + 1] = entry[1]
  reply[#reply + 1] = length > tonumber(longest) and length or entry[2]
end
return reply
