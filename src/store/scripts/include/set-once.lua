-- What stands there, set to a value of ours where nothing did; false where it is no string.
local function setOnce(key, fresh)
  if redis.call('EXISTS', key) == 0 then redis.call('SET', key, fresh) end
  return soft('GET', key) or false
end
