-- Gives what one control node at a time is to do to a holder, unless another one has it.
--
-- KEYS: what is to be done. ARGV: the holder, for how long, and for how long it is given at most, ms: what would last for
-- longer was given before the clock was set back. Reply: 1 if it is the holder's, else 0.

local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] and redis.call('PTTL', KEYS[1]) <= tonumber(ARGV[3]) then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
