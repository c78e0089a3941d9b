/**
 * Changes nothing, and is refused where Redis takes no writes. A key of another type is no refusal.
 * KEYS leases.
 */
export const takesWrites = `#!lua flags=allow-oom
local reply = redis.pcall('ZREM', KEYS[1], '')
if type(reply) == 'table' and reply.err and not string.find(reply.err, 'WRONGTYPE') then
  return reply
end
return 1
`;
