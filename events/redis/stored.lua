-- Reads what the tables of a partition say of a call, and where its stream is.
--
-- KEYS: the call's stream; the tables of live calls, of what is due, of ended calls, and when these ended. ARGV: what the
-- keys of the partition begin with, and the call-id.
-- Reply: the id of the stream's last entry; the last id that it ever gave, which is another one where entries were removed; for how many ms it is kept, -1 for ever; its row; when it is due; when it
-- ended; its row as an ended call; '' for what is not there; under which ids of its row's sessions other calls find it.
-- Then the nodes in whose sets it is.

local base, call = ARGV[1], ARGV[2]
local SESSIONS, ID = 9, 2 -- where these are in a row (encoding.py)

local function lent(row)
  local found = {}
  local readable, fields = pcall(cmsgpack.unpack, row)
  local sessions = readable and type(fields) == 'table' and fields[SESSIONS]
  for _, session in ipairs(type(sessions) == 'table' and sessions or {}) do
    if redis.call('SISMEMBER', base .. 'on:\0' .. session[ID], call) == 1 then
      found[#found + 1] = session[ID]
    end
  end
  return found
end

local function last_given()
  local info = redis.pcall('XINFO', 'STREAM', KEYS[1])
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then
      return info[i + 1]
    end
  end
  return ''
end

local last = redis.pcall('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
local row = redis.call('HGET', KEYS[2], call) or ''
local reply = {
  not last.err and last[1] and last[1][1] or '',
  last_given(),
  redis.call('PTTL', KEYS[1]),
  row,
  redis.call('ZSCORE', KEYS[3], call) or '',
  redis.call('ZSCORE', KEYS[5], call) or '',
  redis.call('HGET', KEYS[4], call) or '',
}
reply[#reply + 1] = lent(row)
for _, node in ipairs(redis.call('SMEMBERS', base .. 'nodes')) do
  if redis.call('SISMEMBER', base .. 'on:' .. node, call) == 1 then
    reply[#reply + 1] = node
  end
end
return reply
