-- The scripts that Redis runs, in its Lua 5.1.
std = 'lua51'
max_line_length = 100
read_globals = {
  'redis', 'cjson', 'KEYS', 'ARGV',
  -- From include/, which scripts/lua.mjs puts in place.
  'now', 'soft', 'setOnce', 'writeOrder', 'requeue', 'isPicture', 'pushVisits', 'noteEvent',
}
-- What these define is used where they are included.
files['src/store/scripts/include'] = { ignore = { '211' } }
