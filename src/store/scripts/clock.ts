/** Redis' own time in ms as `now`: no host's clock decides about a lease. */
export const clock = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`;

/** `soft(…)`: a read that gives nil where somebody put another type under the key. */
export const soft = `
local function soft(...)
  local reply = redis.pcall(...)
  if type(reply) == 'table' and reply.err then return nil end
  return reply
end
`;
