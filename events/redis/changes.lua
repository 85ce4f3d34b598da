-- Reads which calls have been appended to, by the lists of changes of some partitions. A list is written while somebody
-- reads it, and goes by itself when nobody does (append.lua).
--
-- KEYS: the lists. ARGV: for how many ms a list is kept when nobody reads on; how many changes of each at most; then for each
-- list the id of the last change that was read, '' to begin.
-- Reply: for each list the id up to which it was read; 1 if changes before that are missing, else 0; and for each change the
-- call-id and the version that the call was at before.

local kept, most = ARGV[1], ARGV[2]

local function last_of(list)
  return redis.call('XREVRANGE', list, '+', '-', 'COUNT', 1)[1][1]
end

local function read(list, after)
  local reply = { last_of(list), 1 }
  if after == '' then
    return reply
  end
  local found = redis.call('XRANGE', list, after, '+', 'COUNT', most + 1)
  if not found[1] or found[1][1] ~= after then
    return reply -- it was begun anew, or has more changes than are kept
  end
  reply = { found[#found][1], 0 }
  for place = 2, #found do
    local fields = found[place][2]
    reply[#reply + 1] = fields[2]
    reply[#reply + 1] = fields[4]
  end
  return reply
end

local reply = {}
for place, list in ipairs(KEYS) do
  if redis.call('EXISTS', list) == 0 then
    redis.call('XADD', list, '*', 'begun', '')
  end
  redis.call('PEXPIRE', list, kept)
  reply[place] = read(list, ARGV[place + 2])
end
return reply
