#!lua flags=no-writes,allow-oom
-- What this user of Redis lacks. Changes nothing.
-- channel: what it is to publish to and to subscribe to; then names of commands.
-- Returns those that it may not run on our keys and on that channel.
local leases = unpack(KEYS)
local channel = unpack(ARGV)
local lacking = {}
for at = 2, #ARGV do
  local name = ARGV[at]
  local of = (name == 'PUBLISH' or name == 'SUBSCRIBE') and channel or leases
  local known, may = pcall(redis.acl_check_cmd, name, of, of, of, of)
  if not (known and may) then lacking[#lacking + 1] = name end
end
return lacking
