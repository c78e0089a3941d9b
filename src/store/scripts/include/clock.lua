-- Redis' own time in ms as `now`: no host's clock decides about a lease.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
