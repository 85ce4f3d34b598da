-- Counts live calls, all of them and by node.
--
-- KEYS: the tables of live calls of the partitions to count. ARGV: what the keys of each of these begin with.
-- Reply: the number of all, then the name and number of each node that has some; a node comes once for each
-- partition. The names of those without are taken out of the list, where the server can be written.

local counts = {0}
for number, live in ipairs(KEYS) do
  local base = ARGV[number]
  counts[1] = counts[1] + redis.call('HLEN', live)
  for _, node in ipairs(redis.call('SMEMBERS', base .. 'nodes')) do
    local number = redis.call('SCARD', base .. 'on:' .. node)
    if number == 0 then
      redis.pcall('SREM', base .. 'nodes', node) -- or names would gather; it comes back with its next call
    else
      counts[#counts + 1] = node
      counts[#counts + 1] = number
    end
  end
end
return counts
