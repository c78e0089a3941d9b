-- An order is written again and again, and keeps the lifetime it got first. It has none where its
-- server was wanted on a host that may be off for longer than any: that one reads it.
local function writeOrder(key, text, wanted, lifetime, forever)
  if redis.call('EXISTS', key) == 1 then redis.call('SET', key, text, 'KEEPTTL')
  elseif wanted == 1 and forever == '1' then redis.call('SET', key, text)
  else redis.call('SET', key, text, 'EX', lifetime) end
end
