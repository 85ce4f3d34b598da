-- Reads the newest ended calls of a partition.
--
-- KEYS: its table of ended calls, when these ended, and until when they are kept. ARGV: since when and before when they
-- ended, ms since the epoch; how many at most; for how many ms those are kept that have no time to go at, as earlier
-- versions wrote them.
-- Reply: call-ids, when each ended, and rows, the newest first.

local since, before, most, kept = ARGV[1], '(' .. ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

local rows, times, untils = KEYS[1], KEYS[2], KEYS[3]

local function is_kept(call, at)
  return tonumber(redis.call('ZSCORE', untils, call) or at + kept) > now
end

-- Those whose time is over may be in the tables still: where they are, it is looked on behind them.
local found, count, first = {}, 0, 0
repeat
  local some = redis.call('ZREVRANGEBYSCORE', times, before, since, 'WITHSCORES', 'LIMIT', first, most)
  for i = 1, #some, 2 do
    local call, at = some[i], some[i + 1]
    if count < most and is_kept(call, at) then
      count = count + 1
      found[#found + 1] = call
      found[#found + 1] = at
      found[#found + 1] = redis.call('HGET', rows, call) or ''
    end
  end
  first = first + most
until count == most or #some < 2 * most
return found
