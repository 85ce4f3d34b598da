-- Reads some rows of a partition's table of live calls, and leaves out those that are not wanted.
--
-- KEYS: the table of live calls, and the set of a node's calls, if only those are wanted. ARGV: a cursor of HSCAN or
-- SSCAN, about how many rows are looked at, and the wanted set and status, '' for any.
-- Reply: the next cursor, then call-ids and rows.

local live, node = KEYS[1], KEYS[2]
local set, status = ARGV[3], ARGV[4]
local STATUS, SET = 1, 5 -- where these are in a row (encoding.py)

local function wanted(row)
  if set == '' and status == '' then
    return true
  end
  local readable, fields = pcall(cmsgpack.unpack, row)
  if not readable or type(fields) ~= 'table' then
    return set == '' and status == 'unreadable'
  end
  return (set == '' or fields[SET] == set) and (status == '' or fields[STATUS] == status)
end

local page = redis.call(node and 'SSCAN' or 'HSCAN', node or live, ARGV[1], 'COUNT', ARGV[2])
local reply, found = { page[1] }, page[2]
for place = 1, #found, node and 1 or 2 do
  local row = node and redis.call('HGET', live, found[place]) or found[place + 1]
  if row and wanted(row) then
    reply[#reply + 1] = found[place]
    reply[#reply + 1] = row
  end
end
return reply
