-- Reads a call's snapshot, and the stream from a few entries before the snapshot's version on.
--
-- KEYS: the call's stream and its snapshot. ARGV: how many entries at most, and how many of them up to the snapshot.
-- Reply: the snapshot's version, 0 for none; the rest of it; the entries.

local kept = redis.pcall('HMGET', KEYS[2], 'v', 'p')
local version = not kept.err and tonumber(kept[1] or '') or 0
local first = string.format('%d-0', math.max(1, version - ARGV[2] + 1))
local entries = redis.pcall('XRANGE', KEYS[1], first, '+', 'COUNT', ARGV[1])
return entries.err and entries or { version, version > 0 and kept[2] or '', entries }
