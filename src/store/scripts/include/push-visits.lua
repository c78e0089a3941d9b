-- Puts the paths after the first argument in front, the last one foremost, and keeps as many as are
-- shown.
local function pushVisits(recent, last)
  for i = 2, #ARGV do redis.call('LPUSH', recent, ARGV[i]) end
  redis.call('LTRIM', recent, 0, last)
end
