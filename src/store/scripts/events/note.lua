#!lua flags=allow-oom
-- Notes events. `allow-oom`: old ones go as new ones come, so they do not grow.
-- notes: JSON, of each how long ago it was in ms, or false for just now, and its text.
-- Returns 1.
local events = unpack(KEYS)
local notes = unpack(ARGV)
-- @include event
for _, note in ipairs(cjson.decode(notes)) do noteEvent(events, note[2], note[1]) end
return 1
