/** Redis' own time in ms as `now`: no host's clock decides about a lease. */
export const clock = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`;

/** `soft(…)`: a read that gives nil where somebody put another type under the key. */
export const soft = `
local function soft(...)
  local reply = redis.pcall(...)
  if type(reply) ~= 'table' or not reply.err then return reply end
  if reply.err:find('WRONGTYPE', 1, true) then return nil end
  error(reply)
end
`;
