-- Looks through a part of a table for entries of which nothing is left that they could be of, and removes them if that is
-- wished: what is written meanwhile is written with its stream and its row, in one step.
--
-- KEYS: the table; the partition's table of live calls. ARGV: what the keys of the partition begin with; what the table
-- is: due, ended, ended-at, ended-until, or on for a set of calls; the name of such a set; a cursor of its scan, and about
-- how many entries are looked at; whether strays are removed, 1 or 0; for how many ms ended calls are kept that have no time to go
-- at; how many ms before its end an entry may be without its stream.
-- Reply: the next cursor, how many entries were looked at, then the call-ids of strays.

local table_key, live, base, what, name = KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3]
local remove, kept, margin = ARGV[6] == '1', tonumber(ARGV[7]), tonumber(ARGV[8])
local SESSIONS, NODE, ID = 9, 1, 2 -- where these are in a row (encoding.py)
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

local function has_stream(call)
  return redis.call('EXISTS', base .. 's:' .. call) == 1
end

-- Whether a row names a node, or an id, as those of one of its sessions; one that cannot be read may.
local function is_named(row)
  local readable, fields = pcall(cmsgpack.unpack, row)
  if not readable or type(fields) ~= 'table' or type(fields[SESSIONS]) ~= 'table' then
    return true
  end
  local lent = string.byte(name) == 0
  for _, session in ipairs(fields[SESSIONS]) do
    if session[lent and ID or NODE] == (lent and string.sub(name, 2) or name) then
      return true
    end
  end
  return false
end

-- A node's set of calls that have streams is compared with these, where the node is in the list of nodes (stored.lua).
local function is_stray_member(call)
  local row = redis.call('HGET', live, call)
  if row and is_named(row) then
    return false
  end
  return string.byte(name) == 0 or not has_stream(call) or redis.call('SISMEMBER', base .. 'nodes', name) == 0
end

local function is_stray_end(call)
  if has_stream(call) then
    return false
  end
  local at = redis.call('ZSCORE', base .. 'ended-at', call)
  local till = redis.call('ZSCORE', base .. 'ended-until', call) or (at and at + kept)
  return not till or tonumber(till) - margin > now
end

local function is_stray(call)
  if what == 'on' then
    return is_stray_member(call)
  elseif what == 'due' then
    return not has_stream(call) and redis.call('HEXISTS', live, call) == 0
  end
  return is_stray_end(call)
end

local function take_out(call)
  if what == 'on' then
    redis.call('SREM', table_key, call)
  elseif what == 'due' then
    redis.call('ZREM', table_key, call)
  else
    redis.call('HDEL', base .. 'ended', call)
    redis.call('ZREM', base .. 'ended-at', call)
    redis.call('ZREM', base .. 'ended-until', call)
  end
end

local scan = { on = 'SSCAN', ended = 'HSCAN' }
local step = what == 'on' and 1 or 2
local page = redis.call(scan[what] or 'ZSCAN', table_key, ARGV[4], 'COUNT', ARGV[5])
local reply = { page[1], #page[2] / step }
for place = 1, #page[2], step do
  local call = page[2][place]
  if is_stray(call) then
    reply[#reply + 1] = call
    if remove then
      take_out(call)
    end
  end
end
return reply
