-- Removes all that is there of an ended call.
--
-- KEYS: the call's stream, its snapshot and its data keys; its partition's tables of live calls, of ended calls, of when
-- these ended, of until when they are kept, and of what is due; what is written so that there is something to wait for.
-- ARGV: the call-id; for how many ms after its end a call has to stay.
-- Reply: 'forgotten', or why it is not: 'unknown', 'live', or 'recent'.

local stream, snapshot, keys, live, ended, times, untils, due, again = unpack(KEYS)
local call, stays = ARGV[1], tonumber(ARGV[2])

local left = redis.call('PTTL', stream) -- -1: it is kept for ever, -2: it is not there
if left == -1 or redis.call('HEXISTS', live, call) == 1 then
  return 'live'
end
local at = redis.call('ZSCORE', times, call)
local now = redis.call('TIME')
if at and tonumber(at) > tonumber(now[1]) * 1000 - stays then
  return 'recent'
end
if not at and left >= 0 and left <= stays then
  return 'recent' -- one that is kept briefly, or goes by itself that soon
end
redis.call('SET', again, '', 'PX', 1000) -- where it was done before, that is to be confirmed, too
redis.call('UNLINK', keys) -- first: whatever else is left of the call cannot be read then
local removed = redis.call('UNLINK', stream, snapshot) + redis.call('HDEL', ended, call)
redis.call('ZREM', times, call)
redis.call('ZREM', untils, call)
redis.call('ZREM', due, call)
return removed > 0 and 'forgotten' or 'unknown'
