-- Takes calls that are due, and makes each due again later, so that nobody else takes it meanwhile.
--
-- KEYS: due tables, in the order in which they are asked. ARGV: now, when taken calls are due again, how many at most,
-- from when on they are due.
-- Reply: call-ids; and of the keys that were asked, those that hold something else than a due table.

local taken, spoilt, left = {}, {}, tonumber(ARGV[3])
for _, key in ipairs(KEYS) do
  if left <= 0 then
    break
  end
  local due = redis.pcall('ZRANGEBYSCORE', key, ARGV[4], ARGV[1], 'LIMIT', 0, left)
  if due.err and not string.find(due.err, 'WRONGTYPE', 1, true) then
    return due
  elseif due.err then
    spoilt[#spoilt + 1] = key -- what is due elsewhere does not wait for it
    due = {}
  end
  for _, call in ipairs(due) do
    redis.call('ZADD', key, ARGV[2], call)
    taken[#taken + 1] = call
    left = left - 1
  end
end
return { taken, spoilt }
