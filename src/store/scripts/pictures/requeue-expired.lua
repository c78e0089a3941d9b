#!lua flags=allow-oom
-- Puts the pictures back on top whose delivery deadline has passed.
-- prefix: of a picture's key.
-- Returns how many.
local images, delivering, claims = unpack(KEYS)
local prefix = unpack(ARGV)
-- @include clock, requeue
return requeue(images, delivering, claims, prefix)
