-- Reads a call's snapshot, and the stream from the snapshot's version on.
--
-- KEYS: the call's stream and its snapshot. ARGV: how many entries at most.
-- Reply: the snapshot's version, 0 for none; the rest of it; the entries.

local kept = redis.pcall('HMGET', KEYS[2], 'v', 'p')
local version = not kept.err and tonumber(kept[1] or '') or 0
local first = version > 0 and string.format('%d-0', version) or '-'
local entries = redis.pcall('XRANGE', KEYS[1], first, '+', 'COUNT', ARGV[1])
return entries.err and entries or { version, version > 0 and kept[2] or '', entries }
