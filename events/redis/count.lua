-- Counts live calls, all of them and by node.
--
-- KEYS: the tables of live calls of the partitions to count. ARGV: what the keys of each of these begin with.
-- Reply: the number of all, then each node's name and number; a node comes once for each partition.

local counts = {0}
for number, live in ipairs(KEYS) do
  local base = ARGV[number]
  counts[1] = counts[1] + redis.call('HLEN', live)
  for _, node in ipairs(redis.call('SMEMBERS', base .. 'nodes')) do
    counts[#counts + 1] = node
    counts[#counts + 1] = redis.call('SCARD', base .. 'on:' .. node)
  end
end
return counts
