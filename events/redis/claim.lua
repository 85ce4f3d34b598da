-- Takes calls that are due, and makes each due again later, so that nobody else takes it meanwhile.
--
-- KEYS: due tables, in the order in which they are asked. ARGV: now, when taken calls are due again, how many at most,
-- from when on they are due.
-- Reply: call-ids.

local taken, left = {}, tonumber(ARGV[3])
for _, key in ipairs(KEYS) do
  if left <= 0 then
    break
  end
  for _, call in ipairs(redis.call('ZRANGEBYSCORE', key, ARGV[4], ARGV[1], 'LIMIT', 0, left)) do
    redis.call('ZADD', key, ARGV[2], call)
    taken[#taken + 1] = call
    left = left - 1
  end
end
return taken
