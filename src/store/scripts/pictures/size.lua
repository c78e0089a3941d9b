#!lua flags=no-writes,allow-oom
-- How much the queue holds.
-- Returns how many pictures wait, how many bytes are held, and how many are being delivered.
local images, delivering, imageBytes = unpack(KEYS)
-- @include soft
return {
  soft('LLEN', images) or 0,
  tonumber(soft('GET', imageBytes) or '0') or 0,
  soft('ZCARD', delivering) or 0,
}
