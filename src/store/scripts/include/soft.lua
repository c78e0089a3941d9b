-- A read that gives nil where somebody put another type under the key.
local function soft(...)
  local reply = redis.pcall(...)
  if type(reply) ~= 'table' or not reply.err then return reply end
  if reply.err:find('WRONGTYPE', 1, true) then return nil end
  error(reply)
end
