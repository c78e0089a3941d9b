import { clock, soft } from './clock.ts';

/**
 * What was to be seen when the last beat of any server or door was taken.
 * KEYS leases doors. ARGV prefix of a door's key, leaseMs.
 * Returns how long ago that was in ms or false, then id, what it said or false, … of each door that
 * lived then.
 */
export const readSilence = `#!lua flags=no-writes,allow-oom
${clock}${soft}
local newest = false
for at = 1, 2 do
  local top = soft('ZREVRANGE', KEYS[at], 0, 0, 'WITHSCORES') or {}
  local score = tonumber(top[2])
  if score and (not newest or score > newest) then newest = score end
end
if not newest then return { false } end
local reply = { now - (newest - ARGV[2]) }
for _, id in ipairs(soft('ZRANGEBYSCORE', KEYS[2], newest - ARGV[2], '+inf') or {}) do
  reply[#reply + 1] = id
  reply[#reply + 1] = soft('GET', ARGV[1] .. id) or false
end
return reply
`;
