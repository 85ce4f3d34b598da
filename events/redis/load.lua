-- Reads a call's snapshot, and the stream from a few entries before the snapshot's version on.
--
-- KEYS: the call's stream and its snapshot; its data keys, where calls have such. ARGV: how many entries at most, and how many of them up to the snapshot.
-- Reply: the snapshot's version, 0 for none; the rest of it; the entries; the ids of data keys and the sealed keys.

local kept = redis.pcall('HMGET', KEYS[2], 'v', 'p')
local version = not kept.err and tonumber(kept[1] or '') or 0
local first = string.format('%d-0', math.max(1, version - ARGV[2] + 1))
local entries = redis.pcall('XRANGE', KEYS[1], first, '+', 'COUNT', ARGV[1])
local keys = KEYS[3] and redis.pcall('HGETALL', KEYS[3]) or {}
return entries.err and entries or { version, version > 0 and kept[2] or '', entries, keys.err and {} or keys }
