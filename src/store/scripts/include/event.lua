-- Writes what happened where there is something to write, and where it can: nothing fails for it.
local function noteEvent(events, event, ageMs)
  if event == '' then return end
  local entry = { 'XADD', events, 'MAXLEN', '~', 1000, '*', 'event', event }
  if ageMs then
    local time = redis.call('TIME')
    entry[9], entry[10] = 'at', time[1] * 1000 + math.floor(time[2] / 1000) - ageMs
  end
  redis.pcall(unpack(entry))
end
