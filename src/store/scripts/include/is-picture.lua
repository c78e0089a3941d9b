-- A queue entry counts only with a hash of ours behind it; others are stepped over, not removed.
local types = {
  ['image/png'] = 1, ['image/jpeg'] = 1, ['image/gif'] = 1, ['image/webp'] = 1, ['image/avif'] = 1,
}
local function isPicture(prefix, id)
  local size = soft('HSTRLEN', prefix .. id, 'data')
  return size and size > 0 and types[soft('HGET', prefix .. id, 'type') or ''] == 1
end
