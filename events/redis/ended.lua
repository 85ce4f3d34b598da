-- Reads the newest ended calls of some partitions.
--
-- KEYS: for each partition its table of ended calls, and when these ended. ARGV: since when and before when they ended,
-- ms since the epoch; how many of each partition at most; for how many ms ended calls are kept.
-- Reply: for each partition its call-ids, when each ended, and rows, the newest first.

local now = redis.call('TIME')
local kept = tonumber(now[1]) * 1000 - tonumber(ARGV[4])
local since = math.max(tonumber(ARGV[1]), kept)
local reply = {}
for place = 1, #KEYS, 2 do
  local until_then = '(' .. ARGV[2]
  local found = redis.call(
    'ZREVRANGEBYSCORE', KEYS[place + 1], until_then, string.format('%d', since), 'WITHSCORES', 'LIMIT', 0, ARGV[3]
  )
  local rows = {}
  for i = 1, #found, 2 do
    rows[#rows + 1] = found[i]
    rows[#rows + 1] = found[i + 1]
    rows[#rows + 1] = redis.call('HGET', KEYS[place], found[i]) or ''
  end
  reply[#reply + 1] = rows
end
return reply
