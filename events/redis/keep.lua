-- Keeps a snapshot of a call in place of the one before, unless its entry is not there or the call has ended.
--
-- KEYS: the call's stream and its snapshot. ARGV: the snapshot's version, and the rest of it. Reply: whether it was kept.

local version = ARGV[1]
local id = version .. '-0'
if redis.call('PTTL', KEYS[1]) ~= -1 or #redis.call('XRANGE', KEYS[1], id, id) == 0 then
  return 0
end
redis.call('HSET', KEYS[2], 'v', version, 'p', ARGV[2])
return 1
